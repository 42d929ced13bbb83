"""`tuimon metrics`, `completion` and `doctor`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tuimon.commands.catalogue import tables
from tuimon.commands.table import SCREEN, SUBCOMMANDS

ROOT = Path(__file__).parents[2]
NAMES = [metric.name for _, metrics, _ in tables() for metric in metrics]


# ---- metrics


def test_every_metric_is_listed_once(here):
    done = here("metrics")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == NAMES
    assert len(NAMES) == len(set(NAMES))
    assert {"gpu_power_watts", "host_cpu_busy_ratio", "process_cpu_ratio", "process_gpus"} <= set(
        NAMES
    )


def test_a_pattern_chooses(here):
    done = here("metrics", "power_w", "--format", "json")
    told = json.loads(done.stdout)
    assert [one["name"] for one in told] == [name for name in NAMES if "power_w" in name]
    assert set(told[0]) == {"name", "kind", "unit", "type", "cadence", "help", "read_from", "words"}
    assert here("metrics", "nothing_of_the_kind").returncode == 1


def test_docs_metrics_md_is_what_tuimon_metrics_prints(here):
    document = ROOT / "docs" / "metrics.md"
    if not document.exists():
        pytest.skip("docs/metrics.md is not there yet")
    printed = here("metrics", "--format", "markdown").stdout
    assert document.read_text(encoding="utf-8") == printed


def test_markdown_has_a_row_for_every_metric(here):
    rows = [
        line
        for line in here("metrics", "--format", "markdown").stdout.splitlines()
        if line.startswith("| `")
    ]
    assert {row.split("`")[1] for row in rows} >= set(NAMES)
    for row in rows:
        assert row.replace("\\|", "").count("|") in {4, 7}


# ---- completion


def _bash(script, words, variables):
    """Return what bash completes the last word to."""
    quoted = " ".join(f"{word!r}" for word in words)
    line = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _tuimon\n"
    line += 'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", line], env=variables, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def script(variables):
    done = subprocess.run(
        [sys.executable, "-m", "tuimon", "completion", "bash"],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_completion_script_parses(here, name):
    done = here("completion", name)
    assert (done.returncode, done.stderr) == (0, "")
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} here")
    checked = subprocess.run(
        [name, "-n"], input=done.stdout, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_bash_completes_commands_and_options(script, variables):
    names = {one.name for one in SUBCOMMANDS}
    assert _bash(script, ["tuimon", ""], variables) >= names
    assert _bash(script, ["tuimon", "sn"], variables) == {"snapshot"}
    flags = {flag for one in SCREEN for flag in one.flags}
    assert _bash(script, ["tuimon", "--"], variables) >= {
        flag for flag in flags if flag.startswith("--")
    }
    assert _bash(script, ["tuimon", "completion", ""], variables) >= {"bash", "zsh", "fish"}
    assert _bash(script, ["tuimon", "snapshot", "--format", ""], variables) == {"text", "json"}
    assert _bash(script, ["tuimon", "metrics", "--format", "m"], variables) == {"markdown"}
    for one in SUBCOMMANDS:
        for option in one.options:
            for flag in option.flags:
                if flag.startswith("--"):
                    assert flag in _bash(script, ["tuimon", one.name, flag[:-1]], variables)


def test_bash_completes_files_where_files_are_meant(script, variables, tmp_path):
    (tmp_path / "night.rec").touch()
    for words in (
        ["tuimon", "--replay"],
        ["tuimon", "record", "-o"],
        ["tuimon", "doctor", "--bundle"],
    ):
        assert _bash(script, [*words, str(tmp_path / "ni")], variables) == {
            str(tmp_path / "night.rec")
        }


def test_fish_has_a_line_for_every_option(here):
    lines = here("completion", "fish").stdout.splitlines()
    for one in SUBCOMMANDS:
        assert any(f"-a {one.name} " in line for line in lines)
        mine = [line for line in lines if f"seen_subcommand_from {one.name}'" in line]
        for option in one.options:
            long = next((flag for flag in option.flags if flag.startswith("--")), None)
            assert long is None or any(f"-l {long[2:]} " in line for line in mine)


# ---- doctor


def test_doctor_says_what_works_and_what_to_do(here):
    done = here("doctor")
    assert done.returncode in {0, 1}
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert any(line.startswith("ok  program: tuimon") for line in lines)
    assert any(line.startswith("ok  source host:") for line in lines)
    failed = [line for line in lines if line.startswith("NO  ")]
    assert bool(failed) == (done.returncode == 1)


def test_doctor_tells_the_same_as_json(here):
    done = here("doctor", "--format", "json")
    told = json.loads(done.stdout)
    assert all(set(one) == {"name", "ok", "text", "advice"} for one in told)
    assert done.returncode == (0 if all(one["ok"] for one in told) else 1)
    assert all(one["text"] for one in told)


def test_doctor_finds_the_gpus(here, nvidia):
    nvidia.have(gpus=2)
    done = here("doctor", "--format", "json")
    told = {one["name"]: one for one in json.loads(done.stdout)}
    assert told["source nvml/0"]["ok"]
    assert told["source nvml/1"]["ok"]


def test_a_bundle_holds_no_secret(here, tmp_path):
    """Neither a password on a command line nor who runs what is in it."""
    secret = "hunter2-0xdeadbeef"  # noqa: S105 -- nobody's
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", f"--token={secret}"]
    )
    path = tmp_path / "report.json"
    try:
        done = here(
            "doctor", "--bundle", str(path), AWS_SECRET_ACCESS_KEY=secret, SSH_AUTH_SOCK=secret
        )
    finally:
        process.kill()
        process.wait()
    assert done.returncode in {0, 1}
    text = path.read_text(encoding="utf-8")
    told = json.loads(text)
    assert secret not in text
    assert str(process.pid) in text
    assert told["snapshot"]["host"][0]["id"] == "masked"
    assert f'"hostname": "{os.uname().nodename}"' not in text
    for one in told["snapshot"]["process"]:
        assert one["name"] == "masked"
        for label in ("user", "command"):
            assert one["labels"].get(label, "masked") in {"masked", ""}
    assert path.stat().st_mode & 0o077 == 0


def test_a_bundle_overwrites_nothing(here, tmp_path):
    path = tmp_path / "report.json"
    path.write_text("mine")
    done = here("doctor", "--bundle", str(path))
    assert done.returncode == 1
    assert done.stderr.startswith("tuimon: cannot write")
    assert path.read_text() == "mine"

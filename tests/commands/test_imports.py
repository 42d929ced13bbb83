"""What each command may import: measured in a process of its own."""

import subprocess
import sys

import pytest

HEAVY = {"textual", "rich", "sklearn", "plotext", "scipy", "pandas"}
NUMBERS = {"numpy"}
DRIVERS = {"pynvml", "psutil"}
# fmt: off
COMMANDS = [
    ("snapshot --demo",                       HEAVY),
    ("snapshot --format json --processes 1",  HEAVY),
    ("record --demo -o {tmp} --duration 0.01", HEAVY),
    ("metrics",                               HEAVY | DRIVERS),
    ("doctor --format json",                  HEAVY),
    ("completion bash",                       HEAVY | NUMBERS | DRIVERS),
    ("--version",                             HEAVY | NUMBERS | DRIVERS),
    ("--help",                                HEAVY | NUMBERS | DRIVERS),
    ("--nonsense",                            HEAVY | NUMBERS | DRIVERS),
    ("nonsense",                              HEAVY | NUMBERS | DRIVERS),
    ("snapshot --interval abc",               HEAVY | NUMBERS | DRIVERS),
    ("",                                      HEAVY | NUMBERS | DRIVERS),
]
# fmt: on
WATCH = """
import sys, atexit
def tell():
    names = {name.partition(".")[0] for name in sys.modules}
    sys.stderr.write("\\n" + " ".join(sorted(names)))
atexit.register(tell)
from tuimon.__main__ import main
sys.exit(main())
"""


def _loaded(variables, code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return set(done.stderr.rpartition("\n")[2].split())


@pytest.mark.parametrize(("line", "forbidden"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_a_command_imports_only_what_it_needs(variables, tmp_path, line, forbidden):
    arguments = line.format(tmp=tmp_path / "x.rec").split()
    loaded = _loaded(variables, WATCH, *arguments)
    assert "tuimon" in loaded
    assert not loaded & forbidden


@pytest.mark.parametrize(
    "module",
    [
        "tuimon.surfaces.frames.splash",
        "tuimon.commands.screen",
        "tuimon.cli",
        "tuimon.surfaces.tui.keys",
    ],
)
def test_the_first_picture_needs_nothing_heavy(variables, module):
    code = WATCH.partition("from tuimon")[0] + f"import {module}"
    assert not _loaded(variables, code) & (HEAVY | NUMBERS | DRIVERS)


def test_importing_tuimon_loads_nothing_but_itself(variables):
    code = "import sys; before = set(sys.modules); import tuimon; after = set(sys.modules)\n"
    code += "sys.stderr.write(chr(10) + ' '.join(after - before))"
    assert {name for name in _loaded(variables, code) if not name.startswith("tuimon")} == set()

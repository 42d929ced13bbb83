"""The command line: what is refused, in one sentence and with its exit code."""

# ruff: noqa: E501 -- its tables are read across

import io
import signal
import sys

import pytest

from tuimon import __version__
from tuimon.cli import parser, run
from tuimon.commands.table import SCREEN, SUBCOMMANDS

NAMES = [one.name for one in SUBCOMMANDS]


@pytest.fixture
def told(monkeypatch):
    """Return what runs a command line in this process: exit code, stdout, stderr."""

    def call(*arguments):
        out, err = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            try:
                code = run(arguments)
            except SystemExit as end:
                code = end.code
        return code, out.getvalue(), err.getvalue()

    return call


@pytest.fixture(autouse=True)
def _signals():
    """Put back the signal handlers that a command has set."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def _refused(result, code=2):
    assert result[0] == code, result
    assert result[1] == ""
    assert result[2].startswith("tuimon: ")
    assert result[2].endswith("\n")
    assert result[2].count("\n") == 1
    assert len(result[2]) < 700


# fmt: off
WRONG = [
    ("snapshot", "--demo", "--theme", "tuimno"),
    ("snapshot", "--demo", "--theme", "../themes/tuimno"),
    # a word that is no command or no option, whole or cut short
    ("nonsense",), ("snap",), ("--nonsense",), ("--dem",), ("--interv", "1"), ("snapshot", "--form", "json"), ("snapshot", "extra"),
    ("completion",), ("completion", "tcsh"), ("completion", "bas"), ("metrics", "--format", "xml"), ("doctor", "--format", "xml"), ("record", "--demo"),
    # intervals
    *[("snapshot", "--demo", "--interval", text) for text in ("0", "-1", "nan", "inf", "-inf", "abc", "", "0.01", "1e9", "1,5")],
    ("snapshot", "--demo", "--interval"), ("snapshot", "--demo", "-d", "0"),
    # the simulated machine
    *[("snapshot", "--demo", "--demo-gpus", text) for text in ("0", "-1", "17", "x", "1.5")],
    ("snapshot", "--demo", "--demo-kind", "h1000"), ("snapshot", "--demo", "--seed", "x"),
    # looks
    ("snapshot", "--demo", "--sort", "gmme"), ("snapshot", "--demo", "--sort", ""),
    *[("snapshot", "--demo", "--size", text) for text in ("abc", "0x0", "59x14", "60x13", "120", "120x", "x50", "-120x50", "1001x50", "120x50x2", "1e2x50", "²x50")],
    ("snapshot", "--demo", "--format", "yaml"), ("snapshot", "--demo", "--processes", "many"),
    # recordings
    *[("record", "--demo", "--interval", text, "-o", "/nonexistent/x.rec") for text in ("0", "nan", "abc")],
    *[("record", "--demo", "--duration", text, "-o", "/nonexistent/x.rec") for text in ("-1", "nan", "inf", "abc")],
    ("record", "--demo", "--processes", "-1", "-o", "/nonexistent/x.rec"),
    # the live screen without a terminal
    (), ("--demo",),
]
# fmt: on


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_a_misuse_is_one_line_and_exit_code_2(told, arguments):
    _refused(told(*arguments))


# fmt: off
FAILING = [
    ("snapshot", "--replay", "/nonexistent"),
    ("snapshot", "--replay", "/"),
    ("snapshot", "--replay", __file__),
    ("snapshot", "--replay", "/dev/null"),
    ("record", "--demo", "-o", "/nonexistent/x.rec"),
    ("record", "--demo", "-o", "/"),
    ("record", "--demo", "-o", __file__),
]
# fmt: on


@pytest.mark.parametrize("arguments", FAILING, ids=" ".join)
def test_what_cannot_be_used_is_one_line_and_exit_code_1(told, arguments):
    _refused(told(*arguments), 1)


def test_a_misspelt_name_is_told_its_nearest(told):
    assert "did you mean 'tuimon'?" in told("snapshot", "--demo", "--theme", "tuimno")[2]
    assert "gmem" in told("snapshot", "--demo", "--sort", "gmme")[2]
    assert "h100" in told("snapshot", "--demo", "--demo-kind", "h1000")[2]


def test_an_error_that_nobody_expected_is_one_line_too(told, monkeypatch):
    import tuimon.commands.metrics as command

    def wrong(*_):
        raise ZeroDivisionError("a\x1b[31m\nb")

    monkeypatch.setattr(command, "run", wrong)
    monkeypatch.delenv("TUIMON_DEBUG", raising=False)
    result = told("metrics")
    _refused(result, 1)
    assert "ZeroDivisionError: a·[31m" in result[2]
    monkeypatch.setenv("TUIMON_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        told("metrics")


def test_an_interrupt_is_quiet(told, monkeypatch):
    import tuimon.commands.metrics as command

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", interrupted)
    assert told("metrics") == (1, "", "")


def test_the_version_goes_to_stdout(told):
    assert told("--version") == (0, f"tuimon {__version__}\n", "")


@pytest.mark.parametrize("name", ["", *NAMES])
def test_help_lists_every_option_and_fits_a_terminal(told, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = told(*([name] if name else []), "--help")
    assert (code, err) == (0, "")
    options = SCREEN if not name else next(one.options for one in SUBCOMMANDS if one.name == name)
    for one in options:
        for flag in one.flags:
            assert flag in out
    assert max(map(len, out.splitlines())) <= 80
    if not name:
        assert all(command in out for command in NAMES)


def test_every_option_explains_itself():
    for one in [*SCREEN, *(option for command in SUBCOMMANDS for option in command.options)]:
        assert one.given["help"]
        assert not one.given["help"].endswith(".")


def test_an_option_before_the_command_counts_as_one_behind_it():
    before = parser().parse_args(["--demo", "--seed", "7", "snapshot"])
    behind = parser().parse_args(["snapshot", "--demo", "--seed", "7"])
    assert (before.demo, before.seed) == (behind.demo, behind.seed) == (True, 7)
    both = parser().parse_args(["--seed", "3", "snapshot", "--seed", "7"])
    assert both.seed == 7
    assert parser().parse_args(["record", "-o", "x"]).interval == 1.0


def test_every_subcommand_has_its_module():
    from importlib import import_module

    for one in SUBCOMMANDS:
        assert callable(import_module(f"tuimon.commands.{one.module}").run)

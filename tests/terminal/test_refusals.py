"""Where there is no terminal fit for a screen, one sentence says so."""

import os
import pty
import subprocess
import sys

import pytest


def _run(variables, *arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "tuimon", *arguments],
        env=variables, capture_output=True, text=True, timeout=60, check=False, **more,
    )  # fmt: skip


def test_a_pipe_is_no_terminal(variables):
    done = _run(variables, "--demo", stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "tuimon: the live screen needs a terminal; try: tuimon snapshot\n"


@pytest.mark.parametrize("term", ["dumb", "", None])
def test_a_dumb_terminal_shows_no_screen(tuimon, term):
    terminal = tuimon("--demo", TERM=term)
    assert terminal.end() == 2
    assert b"\x1b" not in terminal.raw
    lines = terminal.raw.decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("tuimon: ")
    assert "snapshot" in lines[0]


def test_a_screen_needs_its_input_too(variables):
    master, slave = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "tuimon", "--demo"],
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(slave)
    os.close(master)
    assert done.returncode == 2
    assert done.stderr.startswith(b"tuimon: ")

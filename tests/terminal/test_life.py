"""The life of the screen in a real terminal, from its first byte to its last."""

import os
import re
import signal
import termios
import time

import pytest

DEMO = ("--demo", "--demo-gpus", "2", "--interval", "0.2")
# Writes a mark between the pictures when a package begins to be imported.
WATCH = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("textual", "numpy", "rich"):
            os.write(1, f"<{name}>".encode())
sys.meta_path.insert(0, Watch())
"""
# Lets the drawing of the host panel fail after some pictures.
BROKEN = """
import tuimon.surfaces.frames.host as host
right, calls = host.host, []
def wrong(*arguments):
    calls.append(1)
    if len(calls) > 3:
        raise ValueError("the panel\\x1b[31m is broken")
    return right(*arguments)
host.host = wrong
"""


def test_the_first_picture_comes_before_anything_heavy_is_imported(tuimon):
    terminal = tuimon(*DEMO, code=WATCH)
    terminal.wait_for_picture()
    picture = terminal.raw.index("reading…".encode())
    footer = terminal.raw.index(b"Quit")
    for name in ("textual", "numpy", "rich"):
        assert picture < terminal.raw.index(f"<{name}>".encode())
        assert footer < terminal.raw.index(f"<{name}>".encode())
    terminal.send("q")
    assert terminal.end() == 0


def test_q_ends_with_0_and_leaves_the_terminal_as_it_was(demo):
    terminal = demo()
    assert terminal.on("alt")
    assert terminal.on("mouse")
    terminal.send("q")
    assert terminal.end() == 0
    terminal.restored()
    assert terminal.last_words == []


def test_without_the_mouse_it_is_left_to_the_terminal(demo):
    terminal = demo("--no-mouse")
    assert not terminal.on("mouse")
    terminal.send("q")
    assert terminal.end() == 0
    terminal.restored()


def test_keys_are_understood_as_terminals_send_them(demo):
    terminal = demo()
    terminal.send("?")
    terminal.wait_for("Hold the picture")
    terminal.send("\x1b[6~")
    terminal.send("h")
    terminal.wait_for("PID")
    terminal.send("Z")
    terminal.wait_for("PAUSED")
    terminal.send("\x03")
    assert terminal.end() == 0
    terminal.restored()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(demo, number):
    terminal = demo()
    terminal.process.send_signal(number)
    terminal.end()
    terminal.restored()
    assert terminal.last_words == []


@pytest.mark.parametrize("controlling", [True, False], ids=["told", "untold"])
def test_it_ends_when_its_terminal_is_gone(demo, controlling):
    """Without a controlling terminal nobody sends SIGHUP: it must see for itself."""
    terminal = demo(controlling=controlling, ignored=[signal.SIGHUP])
    for number in (terminal.master, terminal.slave):
        os.close(number)
    terminal.master = terminal.slave = -1
    before = os.times()
    terminal.process.wait(10)
    after = os.times()
    assert after.children_user - before.children_user < 8


def test_a_suspended_screen_gives_the_terminal_back_and_returns(demo):
    terminal = demo()
    terminal.send("\x1a")
    _stopped(terminal)
    while terminal.read(0.2):
        pass
    terminal.restored()
    terminal.raw = b""
    terminal.process.send_signal(signal.SIGCONT)
    terminal.wait_for("PID")
    terminal.wait(lambda: terminal.lines[0].startswith(" tuimon "))
    terminal.wait_for("Quit")
    assert terminal.on("alt")
    terminal.send("q")
    terminal.end()
    terminal.restored()


def _stopped(terminal):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        terminal.read()
        info = os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
        if info is not None and info.si_code == os.CLD_STOPPED:
            return
    pytest.fail("it never stopped")


def test_a_fault_in_drawing_is_one_line_and_leaves_the_terminal_as_it_was(tuimon):
    terminal = tuimon(*DEMO, code=BROKEN)
    assert terminal.end() == 1
    terminal.restored()
    (line,) = "".join(terminal.last_words).split("\n")
    assert line.startswith("tuimon: ")
    assert "ValueError: the panel·[31m is broken" in line
    assert "TUIMON_DEBUG=1" in line
    assert b"Traceback" not in terminal.raw


def test_a_fault_in_drawing_is_told_in_full_when_asked_for(tuimon):
    terminal = tuimon(*DEMO, code=BROKEN, TUIMON_DEBUG="1")
    assert terminal.end() == 1
    terminal.restored()
    assert "Traceback (most recent call last):" in terminal.last_words[0]
    assert any("in wrong" in line for line in terminal.last_words)


def test_a_fault_of_the_engine_is_one_line_too(tuimon):
    code = """
import tuimon.engine.pipeline as pipeline
def wrong(*_, **__):
    raise RuntimeError("no tick")
pipeline.Pipeline.advance = wrong
"""
    terminal = tuimon(*DEMO, code=code)
    assert terminal.end() == 1
    terminal.restored()
    assert len(terminal.last_words) == 1
    assert "RuntimeError: no tick" in terminal.last_words[0]


def test_a_gpu_that_is_not_there_is_told_after_the_terminal_is_restored(tuimon):
    terminal = tuimon("--demo", "--demo-gpus", "99")
    assert terminal.end() == 2
    terminal.restored()
    assert len(terminal.last_words) == 1
    assert terminal.last_words[0].startswith("tuimon: ")


def test_a_terminal_that_stops_reading_does_not_keep_it_from_ending(demo):
    terminal = demo("--interval", "0.1", size=(240, 67))
    for _ in range(12):
        terminal.resize(230, 60)  # each change is a whole picture
        time.sleep(0.03)
        terminal.resize(240, 67)
        time.sleep(0.03)
    began = time.monotonic()
    terminal.process.send_signal(signal.SIGTERM)
    terminal.process.wait(20)
    assert time.monotonic() - began < 3
    assert terminal.process.returncode == 128 + signal.SIGTERM
    line = termios.tcgetattr(terminal.slave)[3]
    assert line & termios.ECHO
    assert line & termios.ICANON


def test_resizes_are_followed(demo):
    terminal = demo(size=(100, 30))
    terminal.resize(40, 10)
    terminal.wait_for("needs more room")
    terminal.raw = b""
    terminal.resize(130, 40)
    terminal.wait_for("PID")
    terminal.wait(lambda: "Quit" in terminal.lines[-1])
    assert len(terminal.lines) == 40
    terminal.send("q")
    assert terminal.end() == 0


def test_no_color_sends_no_colours(demo):
    terminal = demo(NO_COLOR="1")
    terminal.send("h")
    terminal.wait_for("Hold the picture")
    terminal.send("h")
    terminal.send("q")
    assert terminal.end() == 0
    codes = {
        code for part in re.findall(rb"\x1b\[([0-9;]*)m", terminal.raw) for code in part.split(b";")
    }
    assert codes <= {b"", b"0", b"1", b"2", b"3", b"4", b"7"}
    assert b"7" in codes


def test_the_linux_console_gets_ascii(demo):
    terminal = demo(TERM="linux", COLORTERM=None)
    terminal.send("q")
    assert terminal.end() == 0
    assert terminal.raw.isascii()


def test_a_c_locale_is_no_hindrance(demo):
    terminal = demo(LANG=None, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    terminal.send("q")
    assert terminal.end() == 0
    terminal.restored()
    assert terminal.raw.isascii()

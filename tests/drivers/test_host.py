import subprocess
import sys
import threading

from tuimon.drivers.host import Deadline, addresses
from tuimon.errors import Reason


def test_answers_come_back_by_thing():
    assert Deadline[int](5.0).ask(len, ["a", "bcd"]) == {"a": 1, "bcd": 3}


def test_a_call_that_hangs_is_a_timeout_and_takes_nothing_else_down():
    release = threading.Event()

    def call(thing: str) -> str:
        if thing == "dead":
            release.wait(20)
        return thing

    deadline = Deadline[str](0.1)
    try:
        assert deadline.ask(call, ["dead", "live"]) == {"dead": Reason.TIMEOUT, "live": "live"}
    finally:
        release.set()


def test_what_hangs_is_not_asked_again_until_it_came_back():
    release, calls = threading.Event(), []

    def call(thing: str) -> str:
        calls.append(thing)
        release.wait(20)
        return thing

    deadline = Deadline[str](0.05)
    deadline.ask(call, ["dead"])
    assert deadline.ask(call, ["dead"]) == {"dead": Reason.TIMEOUT}
    assert calls == ["dead"]
    release.set()
    deadline._waiting["dead"].join(20)
    assert deadline.ask(call, ["dead"]) == {"dead": "dead"}


def test_loopback_has_an_address():
    assert any("127.0.0.1" in text or "::1" in text for text in addresses().values())


def test_psutil_is_imported_only_when_it_is_asked():
    code = "import sys, tuimon.sources.host; sys.exit('psutil' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

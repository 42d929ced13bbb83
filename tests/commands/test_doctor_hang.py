"""Doctor beside a driver that hangs."""

import time
from argparse import Namespace

from tuimon.commands import doctor


def test_a_driver_that_hangs_is_one_failed_check():
    (check,) = doctor._within(0.05, "NVIDIA driver", lambda: time.sleep(30) or [])
    assert not check.ok
    assert check.text == "gave no answer within 0.05 s"


def test_what_answers_in_time_is_told():
    assert doctor._within(5, "driver", list) == []
    assert doctor._within(5, "driver", lambda: [Namespace(ok=True)])[0].ok

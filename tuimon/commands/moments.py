"""Moments of a recording as people write them."""

import math
from datetime import datetime, timedelta

from tuimon.errors import UsageError


def moment(text: str, first: float, last: float) -> float:
    """Return seconds since the epoch.

    Args:
        text: ISO date and time, a time of day within the recording, `+seconds` from its start or
            `-seconds` from its end; empty for its end.
        first: When the recording begins.
        last: When it ends.

    Raises:
        UsageError: It is none of these, or outside of the recording.
    """
    if not text:
        return last
    at = _parsed(text, first, last)
    if not first <= at <= last:
        span = f"{datetime.fromtimestamp(first):%F %T} to {datetime.fromtimestamp(last):%F %T}"  # noqa: DTZ006 -- local time, as people write it
        raise UsageError(f"{text} is outside of the recording, which holds {span}")
    return at


def _parsed(text: str, first: float, last: float) -> float:
    try:
        if text[0] in "+-":
            offset = float(text)
            return first + offset if text[0] == "+" else last + offset
        if "-" not in text and ":" in text:
            return _of_day(text, first)
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"{text!r} is no time: give 2026-11-22T03:12, 03:12:30, +90 or -10"
        ) from error


def _of_day(text: str, first: float) -> float:
    """Return the first moment with this time of day from the start of the recording on."""
    clock = datetime.strptime(text, "%H:%M:%S" if text.count(":") == 2 else "%H:%M")  # noqa: DTZ007 -- local time
    day = datetime.fromtimestamp(first)  # noqa: DTZ006 -- local time
    found = day.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0)
    if found.timestamp() < math.floor(first):
        found += timedelta(days=1)
    return max(found.timestamp(), first)

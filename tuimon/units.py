"""Units of metrics, and `show`: the only place that turns a number into text for people."""

import math
from collections.abc import Callable
from enum import StrEnum


class Unit(StrEnum):
    """A base unit. The text is what exports and the catalogue print."""

    RATIO = "ratio"
    """0 to 1; drawn as per cent."""
    BYTES = "bytes"
    BYTES_PER_SECOND = "bytes/s"
    WATTS = "watts"
    JOULES = "joules"
    CELSIUS = "celsius"
    HERTZ = "hertz"
    SECONDS = "seconds"
    VOLTS = "volts"
    RPM = "rpm"
    COUNT = "count"
    PER_SECOND = "1/s"
    TRANSFERS_PER_SECOND = "transfers/s"
    """PCIe's own unit of link speed."""
    STATE = "state"
    """One of the numbers that the metric's `words` name."""
    FLAGS = "flags"
    """A bit mask; the metric's `words` name the bits."""


BINARY = ("B", "K", "M", "G", "T", "P", "E")
DECIMAL = ("", "k", "M", "G", "T", "P", "E")


def show(value: float, unit: Unit) -> str:
    """Return *value* as short text of at most eight cells, unit sign included; "" for NaN.

    Bytes are binary (1.5G is 1.5 GiB), all else decimal; a ratio is a percentage.
    """
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return _SHOW[unit](value)


def _short(value: float, base: float, signs: tuple[str, ...]) -> str:
    """Three significant digits and a prefix sign: 0.94, 9.4, 94, 940 of each step."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    step = 0
    while value >= 999.5 and step < len(signs) - 1:
        value /= base
        step += 1
    if value >= 99.5 or (step == 0 and value == int(value)):
        number = f"{value:.0f}"
    else:
        number = f"{value:.1f}"
    return f"{sign}{number}{signs[step]}"


def _ratio(value: float) -> str:
    return f"{value * 100:.0f}%" if abs(value) >= 0.0995 or value == 0 else f"{value * 100:.1f}%"


def _seconds(value: float) -> str:
    sign, value = ("-", -value) if value < 0 else ("", value)
    if 0 < value < 0.9995e-3:
        return f"{sign}{value * 1e6:.0f}us"
    if 0 < value < 0.9995:  # from here on three digits round to 1 s
        return f"{sign}{value * 1e3:.3g}ms"
    if value < 60:
        return f"{sign}{value:.3g}s"
    minutes, seconds = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{sign}{days}d{hours:02d}h"
    return f"{sign}{hours}h{minutes:02d}m" if hours else f"{sign}{minutes}m{seconds:02d}s"


def _scaled(base: float, signs: tuple[str, ...], unit: str) -> Callable[[float], str]:
    return lambda value: _short(value, base, signs) + unit


# fmt: off
_SHOW: dict[Unit, Callable[[float], str]] = {
    Unit.RATIO:                _ratio,
    Unit.BYTES:                _scaled(1024, BINARY, ""),
    Unit.BYTES_PER_SECOND:     _scaled(1024, BINARY, "/s"),
    Unit.WATTS:                _scaled(1000, DECIMAL, "W"),
    Unit.JOULES:               _scaled(1000, DECIMAL, "J"),
    Unit.CELSIUS:              "{:.0f}°C".format,
    Unit.HERTZ:                _scaled(1000, DECIMAL, "Hz"),
    Unit.SECONDS:              _seconds,
    Unit.VOLTS:                "{:.3g}V".format,
    Unit.RPM:                  "{:.0f}rpm".format,
    Unit.COUNT:                _scaled(1000, DECIMAL, ""),
    Unit.PER_SECOND:           _scaled(1000, DECIMAL, "/s"),
    Unit.TRANSFERS_PER_SECOND: _scaled(1000, DECIMAL, "T/s"),
    Unit.STATE:                "{:.0f}".format,
    Unit.FLAGS:                lambda value: f"{int(value):#x}",
}
# fmt: on

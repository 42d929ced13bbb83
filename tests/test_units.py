"""Numbers as text for people."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuimon.text import width
from tuimon.units import Unit, show


@pytest.mark.parametrize("unit", Unit)
def test_an_unknown_value_is_no_text_and_an_endless_one_is_marked(unit):
    assert show(math.nan, unit) == ""
    assert (show(math.inf, unit), show(-math.inf, unit)) == ("∞", "-∞")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.5, Unit.RATIO, "50%"),
        (0.0, Unit.RATIO, "0%"),
        (0.004, Unit.RATIO, "0.4%"),
        (1.0, Unit.RATIO, "100%"),
        (0.0, Unit.BYTES, "0B"),
        (1023, Unit.BYTES, "1.0K"),
        (1.5 * 2**30, Unit.BYTES, "1.5G"),
        (80 * 2**30, Unit.BYTES, "80.0G"),
        (2.0**20, Unit.BYTES_PER_SECOND, "1.0M/s"),
        (700.0, Unit.WATTS, "700W"),
        (10_200.0, Unit.WATTS, "10.2kW"),
        (41.6, Unit.CELSIUS, "42°C"),
        (1.98e9, Unit.HERTZ, "2.0GHz"),
        (32e9, Unit.TRANSFERS_PER_SECOND, "32.0GT/s"),
        (1234, Unit.COUNT, "1.2k"),
        (3.0, Unit.COUNT, "3"),
        (12.0, Unit.PER_SECOND, "12/s"),
        (0.85, Unit.VOLTS, "0.85V"),
        (2400.0, Unit.RPM, "2400rpm"),
        (5.0, Unit.FLAGS, "0x5"),
        (2.0, Unit.STATE, "2"),
    ],
)
def test_a_value_is_shown_short_and_with_its_unit(value, unit, text):
    assert show(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.0000012, "1us"),
        (0.000999, "999us"),
        (0.0009996, "1ms"),
        (0.25, "250ms"),
        (0.9996, "1s"),
        (1.5, "1.5s"),
        (59.0, "59s"),
        (61.0, "1m01s"),
        (3661.0, "1h01m"),
        (90_000.0, "1d01h"),
        (-0.25, "-250ms"),
        (-3700.0, "-1h01m"),
    ],
)
def test_a_duration_is_shown_in_its_largest_units(seconds, text):
    assert show(seconds, Unit.SECONDS) == text


SCALED = (Unit.BYTES, Unit.BYTES_PER_SECOND, Unit.WATTS, Unit.HERTZ, Unit.COUNT, Unit.PER_SECOND)


@given(st.floats(0, 9e17), st.sampled_from(SCALED))
def test_scaled_values_take_at_most_seven_cells(value, unit):
    assert width(show(value, unit)) <= 7


@given(st.floats(0, 999 * 86400.0))
def test_durations_take_at_most_seven_cells(value):
    assert width(show(value, Unit.SECONDS)) <= 7


@given(st.floats(1e-3, 9e17), st.sampled_from(SCALED))
def test_a_negative_value_is_the_positive_one_with_its_sign(value, unit):
    assert show(-value, unit) == "-" + show(value, unit)

"""Text from outside, made safe and cut to cells."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuimon.text import REPLACEMENT, cut, fit, nearest, safe, width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3"),
        ("Überraschung 漢字 🚀", "Überraschung 漢字 🚀"),
        ("\x1b[2Jgone", "·[2Jgone"),
        ("\x1b]0;title\x07", "·]0;title·"),
        ("\x9b31m", "·31m"),
        ("two\nlines\tand\rmore\0", "two·lines·and·more·"),
        ("a\u202egnp.exe", "a·gnp.exe"),
        ("zero\u200bwidth\u2066", "zero·width·"),
        ("\ufeffmark", "·mark"),
        ("line\u2028break\u00a0space", "line·break·space"),
        ("heart\u2764\ufe0f", "heart\u2764"),
        ("\ud800alone", "·alone"),
        ("\ue000private", "·private"),
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        (b"", ""),
        ("[bold]markup[/]", "[bold]markup[/]"),
        ("a\U0001f1e9b", "a·b"),
        ("e\u0301\u0302\u0303x", "e\u0301\u0302\u0303x"),
        ("e" + "\u0301" * 5 + "e\u0301", "e\u0301\u0301\u0301··e\u0301"),
    ],
)
def test_what_the_terminal_would_obey_becomes_a_dot(text, shown):
    assert safe(text) == shown


@given(st.one_of(st.text(), st.binary()))
def test_safe_text_is_printable_and_safe_again(text):
    once = safe(text)
    assert once.isprintable()
    assert safe(once) == once


@given(st.text(st.characters(codec="utf-8")))
def test_every_unsafe_character_is_replaced_one_by_one(text):
    dropped = re.sub("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]", "", text)
    assert len(safe(text)) == len(dropped)
    assert all(b in (a, REPLACEMENT) for a, b in zip(dropped, safe(text), strict=True))


def test_a_cell_holds_a_few_characters_at_most():
    hostile = safe("".join("z" + "\u0301" * 100 for _ in range(20)))
    assert len(fit(hostile, 20)) <= 4 * 20


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("abc", 3), ("漢字", 4), ("é", 1), ("e\u0301", 1), ("🚀x", 3)]
)
def test_width_counts_cells(text, size):
    assert width(text) == size


@given(st.text().map(safe), st.integers(0, 20))
def test_a_cut_text_is_the_longest_head_that_fits(text, size):
    head = cut(text, size)
    assert text.startswith(head)
    assert width(head) <= size
    if head != text:
        assert width(text[: len(head) + 1]) > size


@given(st.text().map(safe), st.integers(0, 20), st.booleans())
def test_a_fitted_text_is_exactly_as_wide_as_asked(text, size, right):
    assert width(fit(text, size, right=right)) == size


@pytest.mark.parametrize(
    ("text", "size", "right", "shown"),
    [
        ("abc", 5, False, "abc  "),
        ("abc", 5, True, "  abc"),
        ("abcdef", 4, False, "abc…"),
        ("abcdef", 1, False, "…"),
        ("abcdef", 0, False, ""),
        ("漢字漢字", 4, False, "漢… "),
    ],
)
def test_a_text_is_padded_or_ends_in_an_ellipsis(text, size, right, shown):
    assert fit(text, size, right=right) == shown


def test_the_nearest_known_name_is_offered():
    assert nearest("nvm", ["host", "nvml"]) == "did you mean 'nvml'?"
    assert nearest("prometheus", ["host", "nvml"]) == ""

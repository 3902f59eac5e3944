from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow import text as figures


@pytest.mark.parametrize(
    ("word", "hint", "suggestion"),
    [
        ("ioo", "; did you mean 'iou'?", "did you mean 'iou'?"),
        ("latency", "", "one of: iou, sqnr"),
        (3, "", "one of: iou, sqnr"),
    ],
)
def test_a_suggestion_names_the_closest_choice_or_all(word: object, hint: str, suggestion: str) -> None:
    assert figures.did_you_mean(word, ["sqnr", "iou"], "; ") == hint
    assert figures.suggestion(word, ["sqnr", "iou"]) == suggestion


@pytest.mark.parametrize(
    ("words", "said"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), (["a", "b", "c", "d"], "a, b, c and 1 more")],
)
def test_a_list_names_the_first_and_counts_the_rest(words: list[str], said: str) -> None:
    assert figures.listed(words) == said


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("", ""),
        ("one sentence\nwrapped.", "one sentence wrapped."),
        (
            "It lacks a.\nTo install it:\n  pip install a\nNo GPU.",
            "It lacks a. To install it: pip install a; No GPU.",
        ),
        ("a command\n\n", "a command"),
    ],
)
def test_lines_in_one_keep_a_command_apart_from_what_follows(said: str, line: str) -> None:
    assert figures.one_line(said) == line


@pytest.mark.parametrize(("count", "said"), [(0, "0 nodes"), (1, "1 node"), (2, "2 nodes"), (1234, "1,234 nodes")])
def test_one_is_singular_and_all_else_plural(count: int, said: str) -> None:
    assert figures.counted(count, "node") == said


def test_nothing_is_suggested_where_there_is_no_choice() -> None:
    assert (figures.did_you_mean("x", []), figures.suggestion("x", [])) == ("", "")


@given(st.lists(st.text(min_size=1), min_size=1))
def test_a_choice_itself_is_always_the_closest(choices: list[str]) -> None:
    assert figures.did_you_mean(choices[0], choices) == f"did you mean '{choices[0]}'?"


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (999.6, "1,000"), (4_731_114, "4,731,114")])
def test_a_count_is_a_whole_number(value: float | None, text: str) -> None:
    assert figures.count(value) == text


@pytest.mark.parametrize(("value", "kept"), [(91234.5678, 91234.6), (1 / 3, 0.333333), (0.0, 0.0)])
def test_six_digits_are_kept_in_files(value: float, kept: float) -> None:
    assert figures.six_digits(value) == kept


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (65504.0, "65,504"),
        (123456.0, "123,456"),
        (1.2e6, "1.2e6"),
        (3.4028235e38, "3.4e38"),
        (6.103515625e-05, "6.1e-5"),
        (0.012346, "0.01235"),
        (1.5, "1.500"),
        (-91234.56, "-91,235"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "NaN"),
    ],
)
def test_number_keeps_four_digits_and_its_size_readable(value: float | None, text: str) -> None:
    assert figures.number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (1e-9, "<0.01%"),
        (0.99999, ">99.9%"),
        (0.1 + 0.2 + 0.3 + 0.4 - 1e-16, "100%"),
        (0.333, "33.3%"),
        (0.003, "0.30%"),
        (None, "-"),
    ],
)
def test_percent_says_none_and_all_only_when_exact(share: float | None, text: str) -> None:
    assert figures.percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (999, "999 B"), (4_731_114, "4.7 MB"), (250_000_000, "250 MB"), (None, "-")]
)
def test_size_uses_decimal_units(value: int | None, text: str) -> None:
    assert figures.size(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.41, "0.41 s"), (8.25, "8.2 s"), (135.0, "2 min 15 s"), (None, "-")])
def test_duration_turns_to_minutes(value: float | None, text: str) -> None:
    assert figures.duration(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.95, "0.9500"), (41.27, "41.27"), (math.inf, "inf"), (1e-7, "1e-7")])
def test_metrics_of_one_kind_line_up(value: float, text: str) -> None:
    assert figures.metric(value) == text


FORMATS = [figures.number, figures.metric, figures.decibel, figures.cosine, figures.percent, figures.duration]


@pytest.mark.parametrize("show", FORMATS, ids=lambda show: show.__name__)
@given(value=st.none() | st.floats())
def test_any_float_has_a_plain_ascii_figure(show: Callable[[float | None], str], value: float | None) -> None:
    assert show(value).isascii()

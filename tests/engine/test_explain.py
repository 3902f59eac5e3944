from __future__ import annotations

from typing import Any

import pytest

from trtflow.engine.explain import differences, reason


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": {"b": "1.31"}}, {"a": {"b": "1.32"}}, ["a.b 1.31 → 1.32"]),
        ({"a": "sha256:1"}, {"a": "sha256:2"}, ["a changed"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["a.1 2 → 3"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a [1] → [1, 2]"]),
        ({"a": "x" * 50}, {"a": "y" * 50}, ["a changed"]),
        ({"a": None}, {"a": 1}, ["a none → 1"]),
        ({"a": 1}, {"b": 1}, ["a is gone", "b is new"]),
        ({"a": 1}, {"a": 1}, []),
    ],
)
def test_differences_are_told_in_words(old: dict[str, Any], new: dict[str, Any], found: list[str]) -> None:
    assert differences(old, new) == found


def test_a_long_reason_is_cut() -> None:
    assert reason(dict.fromkeys("abcde", 1), dict.fromkeys("abcde", 2)) == "a 1 → 2, b 1 → 2, c 1 → 2 and 2 more"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (None, {"a": 1}, "never ran"),
        ({"a": 1}, {"a": 1}, "its result is no longer in the store"),
        ({"a": 1}, {"a": 2}, "a 1 → 2"),
        ({"a": 1, "b": {"c": 1}}, {"a": 2, "b": {"c": 2}}, "a 1 → 2, b.c 1 → 2"),
        (dict.fromkeys("abc", 1), dict.fromkeys("abc", 2), "a 1 → 2, b 1 → 2, c 1 → 2"),
        (dict.fromkeys("abcd", 1), dict.fromkeys("abcd", 2), "a 1 → 2, b 1 → 2, c 1 → 2 and 1 more"),
    ],
)
def test_why_a_step_runs_is_one_line(old: dict[str, Any] | None, new: dict[str, Any], why: str) -> None:
    assert reason(old, new) == why


@pytest.mark.parametrize(("length", "told"), [(40, "a {0} → {1}"), (41, "a changed")])
def test_values_are_shown_up_to_forty_characters(length: int, told: str) -> None:
    old, new = "x" * length, "y" * length
    assert differences({"a": old}, {"a": new}) == [told.format(old, new)]

"""Text recognition's lines and its metric."""

from __future__ import annotations

import numpy as np
import pytest
from int8_ocr import CALIBRATING, MEASURED, cer, edits, line
from int8_task import Array

ALPHABET = ["", "a", "b", " "]


def scores(*classes: int) -> dict[str, Array]:
    return {"y": np.eye(len(ALPHABET))[list(classes)][None]}


def test_repeats_merge_unless_a_blank_parts_them_and_spaces_do_not_count() -> None:
    assert cer([scores(1, 1, 0, 1, 3, 2, 2)], ["aa b"], ALPHABET) == {"cer": 0}


def test_errors_are_counted_over_the_characters_of_all_lines() -> None:
    assert cer([scores(1), scores(2, 0)], ["ab", "aa"], ALPHABET) == {"cer": 3 / 4}


@pytest.mark.parametrize(("a", "b", "distance"), [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0)])
def test_edits_are_the_fewest(a: str, b: str, distance: int) -> None:
    assert edits(a, b) == edits(b, a) == distance


def test_lines_fit_and_none_is_both_measured_and_calibrated_on() -> None:
    samples = [line(seed) for seed in range(MEASURED + CALIBRATING)]
    assert not any(sample.feed["x"][..., -1].any() for sample in samples)
    texts = [str(sample.label) for sample in samples]
    assert set(texts[:MEASURED]).isdisjoint(texts[MEASURED:])

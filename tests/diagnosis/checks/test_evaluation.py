"""R17 and R18 of the samples that judge: warnings with their numbers, and none where nothing tells."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pytest
from numpy.typing import NDArray
from planted import pictures

from trtflow.diagnosis.checks.evaluation import Fed, check_evaluation, counted
from trtflow.diagnosis.checks.reach import Reach
from trtflow.files.checks import Check
from trtflow.numerics.inputs import InputStatistics, describe, join

Arrays = NDArray[np.float32]
REAL = pictures(0)
NOISE = np.random.default_rng(0).random(REAL.shape).astype(np.float32)
FAR = Reach(255, "the graph divides it by 255")


def seen(samples: Sequence[Arrays]) -> InputStatistics:
    return reduce(join, map(describe, samples))


def warned(**inputs: Fed) -> dict[str, str]:
    """Subject → sentence of each warning; nothing is ever refused."""
    checks: list[Check] = list(check_evaluation(inputs))
    assert {check.verdict for check in checks} <= {"ok", "warn"}
    return {check.subject: check.sentence for check in checks if check.verdict == "warn"}


def split(array: Arrays) -> list[Arrays]:
    return [array[index : index + 1] for index in range(len(array))]


@pytest.mark.parametrize(
    ("fed", "expected"),
    [
        (Fed(seen(split(REAL)), "picture"), ""),
        (Fed(seen(split(NOISE)), "picture"), "is read as a picture but looks like noise (neighbours correlate by "),
        (Fed(seen(split(NOISE))), ""),
        (Fed(seen(split(NOISE[..., :8, :4])[:5]), "picture"), ""),
        (
            Fed(seen(split(REAL)), "picture", FAR),
            "lies between 0 and 1, but the graph divides it by 255: it is scaled",
        ),
        (Fed(seen(split(REAL * 255)), "picture", FAR), ""),
        (Fed(seen(split(REAL * 40)), "picture", FAR), ""),
        (Fed(seen(split(REAL - 1)), None, FAR), "lies between -1 and 0"),
    ],
    ids=[
        *("real", "noise", "noise in a table", "too little to tell", "0 to 1 for 0 to 255", "0 to 255"),
        *("a dark picture", "a table on another scale"),
    ],
)
def test_an_input_is_held_against_what_the_network_is_for(fed: Fed, expected: str) -> None:
    found = warned(x=fed)
    assert set(found) == ({"x"} if expected else set())
    assert expected in found.get("x", "")


def test_where_no_input_is_numeric_nothing_is_said() -> None:
    assert list(check_evaluation({})) == []


def test_noise_on_another_scale_is_both() -> None:
    sentences = [check.sentence for check in check_evaluation({"x": Fed(seen(split(NOISE)), "picture", FAR)})][1:]
    assert ["noise" in sentence for sentence in sentences] == [True, False]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (REAL[:1], "1 sample, where 4 are needed"),
        (REAL[[0, 1, 2, 2, 1]], "3 different samples, where 4 are needed"),
        (REAL[[0, 1, 2, 3]], ""),
        (REAL[[0, 1, 2, 3, 3]], "1 of 5 samples repeat others: only 4 judge"),
        (REAL[[*range(12), 0]], ""),
    ],
    ids=["one", "copies of three", "four", "a fifth repeats", "a thirteenth repeats"],
)
def test_samples_that_differ_are_counted(samples: Arrays, expected: str) -> None:
    found = warned(x=Fed(seen(split(samples)), "picture"))
    assert set(found) == ({"samples"} if expected else set())
    assert found.get("samples", "").startswith(expected)


@pytest.mark.parametrize(
    ("x", "state", "expected"),
    [
        (np.zeros((5, 4)), np.ones((5, 2)), {"constant", "samples"}),
        (np.arange(20.0).reshape(5, 4), np.zeros((5, 2)), set()),
    ],
    ids=["nothing varies", "a state that is always zero"],
)
def test_only_where_no_input_varies_the_set_is_constant(x: Arrays, state: Arrays, expected: set[str]) -> None:
    assert set(warned(x=Fed(seen(split(x))), state=Fed(seen(split(state))))) == expected


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([[1, 1, 2], [1, 2, 1]], (3, 3)),
        ([[1, 1, 2], [1, 1, 1]], (3, 2)),
        ([[1, 2, 2], [7]], (3, 2)),
        ([], (0, 0)),
    ],
    ids=["either differs", "one does", "one that the batch shares", "no input"],
)
def test_a_sample_differs_by_any_of_its_inputs(inputs: list[list[float]], expected: tuple[int, int]) -> None:
    described = [seen([np.full((1, 4), value, np.float32) for value in values]) for values in inputs]
    assert counted(described) == expected

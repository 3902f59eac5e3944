"""What a user's metric returns is held to be numbers by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from trtflow.errors import MetricError
from trtflow.runners.user_metric import measured_by


def returning(value: object) -> Any:
    def metric(outputs: object, labels: object) -> object:
        return value

    return metric


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({}, {}),
        ({"iou": 0.5, 3: True}, {"iou": 0.5, "3": 1.0}),
        ({"iou": np.float32(0.25), "n": np.array(2)}, {"iou": 0.25, "n": 2.0}),
        ({"iou": math.inf}, {"iou": math.inf}),
    ],
)
def test_numbers_are_taken_by_name(value: object, found: dict[str, float]) -> None:
    assert measured_by(returning(value), [], []) == found


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, r"test_user_metric\.py:\d+\) returned NoneType; expected \(outputs, labels\)"),
        (0.5, "returned float; expected"),
        ({"iou": "0.5"}, r"returned '0\.5' \(str\) for 'iou'; expected a number"),
        ({"iou": None}, r"returned None \(NoneType\) for 'iou'"),
        ({"iou": np.zeros(3)}, r"\(ndarray\) for 'iou'"),
    ],
)
def test_anything_else_is_an_error_with_the_place(value: object, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        measured_by(returning(value), [], [])


def test_a_metric_of_other_arguments_is_told_what_is_expected() -> None:
    def metric(outputs: object) -> dict[str, float]:
        return {}

    with pytest.raises(MetricError, match=r"too many positional arguments; expected \(outputs, labels\)"):
        measured_by(metric, [], [])  # type: ignore[arg-type]

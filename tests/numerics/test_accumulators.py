from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trtflow.errors import MetricError
from trtflow.numerics.accumulators import Distance
from trtflow.numerics.metrics import start

Array = NDArray[Any]
NAN, INF = math.nan, math.inf


def one(*outputs: Any) -> list[dict[str, Array]]:
    """One output "y" of each sample."""
    return [{"y": np.asarray(output, np.float32)} for output in outputs]


def measure(name: str, outputs: Any, reference: Any, labels: Any = None) -> float:
    metric = start([name])[name]
    for output, expected, label in zip(outputs, reference, labels or [None] * len(reference), strict=True):
        metric.update(output, expected, label)
    return metric.value()


MAP = [[[[0.9, 0.1], [0.6, 0.2]]]]


@pytest.mark.parametrize(
    ("output", "label", "expected"),
    [
        (MAP, [[1, 0], [1, 0]], 1.0),
        (MAP, [[1, 0], [0, 0]], 1 / 2),
        (MAP, [[255, 255], [0, 0]], 1 / 3),
        (MAP, [[[[True, False], [True, True]]]], 2 / 3),
        (MAP, [[0, 1], [0, 1]], 0.0),
        ([[[[NAN, 0.1], [0.6, 0.2]]]], [[1, 0], [1, 0]], 1 / 2),
        ([[[[0.9, NAN], [0.6, NAN]]]], [[1, 0], [1, 0]], 2 / 4),  # NaN > 0.5 is false, yet not right
        ([[[[NAN, NAN], [NAN, NAN]]]], [[1, 0], [1, 0]], 0.0),
    ],
)
def test_iou_of_a_foreground(output: Any, label: Any, expected: float) -> None:
    assert measure("iou", one(output), one(MAP), [np.array(label)]) == pytest.approx(expected)


def test_iou_adds_up_its_counts_over_samples_before_it_divides() -> None:
    outputs = one([[0.9, 0.9, 0.9, 0.1]], [[0.9, 0.1, 0.1, 0.1]])
    labels = [np.array([1, 1, 1, 0]), np.array([0, 1, 0, 0])]
    assert measure("iou", outputs, outputs, labels) == pytest.approx(3 / 5)


def test_the_reference_alone_decides_whether_a_map_holds_logits() -> None:
    logits, label = [[0.2, -3.0, 4.0]], [np.array([1, 0, 1])]
    assert measure("iou", one(logits), one(logits), label) == 1.0
    assert measure("iou", one([[0.2, 0.0, 1.0]]), one(logits), label) == 1.0
    assert measure("iou", one(logits), one([[0.2, 0.0, 1.0]]), label) == 1 / 2


SCORES = np.moveaxis(np.eye(3, dtype=np.float32)[[[0, 1], [2, 2]]], -1, 0)[None]  # 1x3x2x2, classes 0 1 / 2 2


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ([[0, 1], [2, 2]], 1.0),
        ([[[0, 1], [2, 2]]], 1.0),
        ([[0, 1], [2, 1]], (1 + 1 / 2 + 1 / 2) / 3),
        ([[0, 0], [2, 2]], (1 / 2 + 1) / 2),  # class 1 has no label
        ([[0, 255], [2, 2]], 1.0),  # 255 is left out
    ],
)
def test_iou_of_classes_is_the_mean_over_those_that_are_labelled(label: Any, expected: float) -> None:
    assert measure("iou", [{"y": SCORES}], [{"y": SCORES}], [np.array(label)]) == pytest.approx(expected)


def test_iou_finds_classes_on_the_last_axis_and_counts_their_nan_as_wrong() -> None:
    scores = np.moveaxis(SCORES, 1, -1).copy()
    label = [np.array([[0, 1], [2, 2]])]
    assert measure("iou", [{"y": scores}], [{"y": scores}], label) == 1.0
    broken = scores.copy()
    broken[0, 0, 0, 1] = NAN
    assert measure("iou", [{"y": broken}], [{"y": scores}], label) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("outputs", "labels", "expected"),
    [
        ([[[0.1, 0.9, 0.0]], [[5, 1, 2]]], [1, 0], 1.0),
        ([[[0.1, 0.9, 0.0]], [[5, 1, 2]]], [1, 2], 0.5),
        ([[[0.1, 0.9], [0.7, 0.2]]], [np.array([1, 1])], 0.5),
        ([[[0.1, 0.9, NAN]]], [1], 0.0),
        ([[[NAN, NAN, NAN]]], [0], 0.0),
        ([[[INF, 0.9, 1.0]]], [0], 1.0),
        ([[0.1, 0.9, 0.0]], [1], 1.0),
        ([[[[[3.0]], [[9.0]]]]], [1], 1.0),  # 1x2x1x1
    ],
)
def test_top_1(outputs: Any, labels: Any, expected: float) -> None:
    assert measure("top-1", one(*outputs), one(*outputs), labels) == expected


@pytest.mark.parametrize(
    ("reference", "candidate", "expected"),
    [
        ([[0.1, 0.9, 0.0]], [[0.4, 0.5, 0.1]], 1.0),
        ([[0.1, 0.9, 0.0]], [[0.6, 0.5, 0.1]], 0.0),
        ([[0.1, 0.9, 0.0]], [[NAN, 0.5, 0.1]], 0.0),
        ([[NAN, 0.9, 0.0]], [[NAN, 0.9, 0.0]], 0.0),
        (MAP, [[[[0.6, 0.1], [0.4, 0.2]]]], 3 / 4),
        (MAP, [[[[0.6, NAN], [0.4, 0.2]]]], 2 / 4),
        ([[[0.0, 1.0], [1.0, 0.0]]], [[[0.2, 0.3], [0.3, 0.4]]], 1 / 2),  # tokens: classes on the last axis
        (0.7, 0.6, 1.0),
    ],
)
def test_agreement_with_the_reference(reference: Any, candidate: Any, expected: float) -> None:
    assert measure("agreement", one(candidate), one(reference)) == expected


def test_rows_in_another_number_agree_nowhere() -> None:
    rows = [{"y": np.arange(3 * count).reshape(count, 3)} for count in (4, 5)]
    assert measure("agreement", rows[:1], rows[1:]) == 0.0
    assert measure("agreement", rows, [rows[0], rows[0]]) == 12 / 27


def test_agreement_takes_integers_as_decisions_and_axis_1_of_images_as_classes() -> None:
    assert measure("agreement", [{"y": np.array([3, 4])}], [{"y": np.array([3, 5])}]) == 0.5
    other = np.roll(SCORES, 1, axis=1)
    assert measure("agreement", [{"y": other}], [{"y": SCORES}]) == 0.0


@pytest.mark.parametrize(
    ("name", "reference", "candidate", "expected"),
    [
        ("sqnr", [3.0, 4.0], [3.0, 4.5], 20.0),
        ("sqnr", [3.0, 4.0], [3.0, 4.0], INF),
        ("sqnr", [3.0, 4.0], [3.0, NAN], -INF),
        ("sqnr", [3.0, 4.0], [3.0, INF], -INF),
        ("sqnr", [0.0, 0.0], [0.0, 1.0], -INF),
        ("psnr", [-5.0, 5.0], [-5.0, 6.0], 10 * math.log10(100 / 0.5)),
        ("psnr", [-5.0, 5.0], [-5.0, 5.0], INF),
        ("psnr", [2.0, 2.0], [2.0, 1.0], -INF),
        ("psnr", [-5.0, 5.0], [-5.0, NAN], -INF),
        ("cosine", [1.0, 0.0], [1.0, 1.0], math.sqrt(0.5)),
        ("cosine", [3e19, 0.0], [3e19, 3e19], math.sqrt(0.5)),
        ("cosine", [1e-25, 1e-25], [1e-25, 1e-25], 1.0),
        ("cosine", [0.0, 0.0], [0.0, 0.0], 1.0),
        ("cosine", [0.0, 0.0], [1e-9, 0.0], 0.0),
        ("cosine", [1.0, 0.0], [NAN, 0.0], 0.0),
        ("sqnr", [NAN, -INF], [NAN, -INF], NAN),
        ("psnr", [], [], NAN),
        ("cosine", [NAN], [NAN], NAN),
        ("sqnr", [NAN], [1.0], -INF),
    ],
)
def test_distances_from_the_reference(name: str, reference: Any, candidate: Any, expected: float) -> None:
    assert measure(name, one(candidate), one(reference)) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_an_output_of_which_nothing_was_compared_leaves_the_others_to_tell(order: list[str]) -> None:
    reference, found = (
        {"a": np.float32([NAN]), "b": np.float32([10])},
        {"a": np.float32([NAN]), "b": np.float32([11])},
    )
    outputs, expected = ({name: values[name] for name in order} for values in (found, reference))
    assert measure("sqnr", [outputs], [expected]) == pytest.approx(20.0)


def test_distances_are_over_all_samples_and_the_worst_floating_point_output() -> None:
    reference = [{"a": np.float32([1, 1]), "b": np.float32([10]), "n": np.array([1])}] * 2
    exact = reference[0]
    wrong = {"a": np.float32([1, 1]), "b": np.float32([11]), "n": np.array([9])}
    assert measure("sqnr", [exact, wrong], reference) == pytest.approx(10 * math.log10(200))


@pytest.mark.parametrize("name", ["agreement", "sqnr", "psnr", "cosine"])
def test_the_reference_against_itself_is_the_best(name: str) -> None:
    outputs = one([[0.2, 0.7, 0.1]], [[0.6, 0.3, 0.1]])
    assert measure(name, outputs, outputs) == (INF if name in ("sqnr", "psnr") else 1.0)


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        ("iou", None, "needs labels"),
        ("top-1", [None], "needs labels"),
        ("iou", [np.zeros((1, 3))], "foreground"),
        ("iou", [np.zeros((5, 5))], "does not fit"),
    ],
)
def test_what_cannot_be_told_is_an_error(name: str, labels: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        measure(name, one([[0.1, 0.2, 0.3]]), one([[0.1, 0.2, 0.3]]), labels)


def test_a_missing_output_is_an_error() -> None:
    with pytest.raises(MetricError, match="no output 'y'"):
        measure("sqnr", [{}], one([1.0]))
    with pytest.raises(MetricError, match="no output"):
        measure("agreement", [{}], [{}])


@pytest.mark.parametrize(
    ("outputs", "decided_by"),
    [
        ({"a": [1.0, 1.5], "b": [10.0]}, "a"),
        ({"a": [1.0, 1.0], "b": [11.0]}, "b"),
        ({"a": [1.0, 1.5], "b": [NAN]}, "b"),
    ],
)
def test_the_worst_of_several_outputs_is_named(outputs: dict[str, Any], decided_by: str) -> None:
    metric = Distance("sqnr", lambda energy: energy.sqnr_db())
    reference = {"a": np.float32([1, 1]), "b": np.float32([10])}
    metric.update({name: np.float32(values) for name, values in outputs.items()}, reference)
    assert metric.decided_by() == decided_by


def test_an_only_output_has_nothing_to_be_told_from() -> None:
    metric = Distance("sqnr", lambda energy: energy.sqnr_db())
    metric.update({"y": np.float32([1])}, {"y": np.float32([2])})
    assert metric.decided_by() == ""

"""Rows are found again whatever their order; what is lost, invented or moved is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trtflow.errors import MetricError
from trtflow.numerics.matched import Group, Matched

BOXES = (
    np.array([[[10, 10, 50, 50], [100, 90, 300, 200], [400.5, 20, 640, 90], [5, 300, 60, 420]]], np.float32) + 0.25
)
LABELS = np.array([[3, 1, 1, 7]])
ROWS = Group("best", "TopK", {"boxes": 1, "labels": 1})


def share(group: Group, candidate: dict[str, NDArray], reference: dict[str, NDArray]) -> float:
    metric = Matched((group,))
    metric.update(candidate, reference)
    return metric.value()


def detections(order: list[int], boxes: NDArray = BOXES, labels: NDArray = LABELS) -> dict[str, NDArray]:
    return {"boxes": boxes[:, order], "labels": labels[:, order]}


REFERENCE = detections([0, 1, 2, 3])


@given(st.permutations(range(4)))
def test_the_order_is_no_error(order: list[int]) -> None:
    assert share(ROWS, detections(order), REFERENCE) == 1.0


def moved(by: float) -> NDArray:
    boxes = BOXES.copy()
    boxes[0, 2, 0] += by
    return boxes


OTHER_LABEL = np.array([[3, 1, 2, 7]])


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (detections([3, 2, 1, 0], moved(3.9)), 1.0),
        (detections([3, 2, 1, 0], moved(4.1)), 3 / 4),
        (detections([0, 1, 2, 3], moved(np.nan)), 3 / 4),
        (detections([2, 3, 0, 1], labels=OTHER_LABEL), 3 / 4),
        (detections([2, 0]), 2 / 4),
        (detections([2, 0, 1, 3, 2]), 4 / 5),
        (detections([0, 0, 0, 0]), 1 / 4),
        (detections([]), 0.0),
    ],
    ids=["moved within 1 %", "further", "NaN", "another class", "lost", "invented", "no row counts twice", "none"],
)
def test_what_moves_gets_lost_or_is_invented_counts(candidate: dict[str, NDArray], expected: float) -> None:
    assert share(ROWS, candidate, REFERENCE) == expected


def test_nothing_where_there_was_nothing_is_right() -> None:
    assert share(ROWS, detections([]), detections([])) == 1.0


@pytest.mark.parametrize(("score", "expected"), [(0.86, 1.0), (0.84, 3 / 4)])
def test_scores_may_move_further_than_boxes(score: float, expected: float) -> None:
    columns = np.concatenate([BOXES, np.array([0.9, 0.3, 0.2, 0.1], np.float32).reshape(1, 4, 1)], axis=2)
    changed = columns.copy()
    changed[0, 0, 4] = score
    group = Group("nms", "NonMaxSuppression", {"rows": 1})
    assert share(group, {"rows": changed}, {"rows": columns}) == expected


def test_labels_as_floats_are_labels() -> None:
    group = Group("best", "TopK", {"labels": 1})
    labels = np.array([[90, 80, 70, 60]], np.float32)
    assert share(group, {"labels": labels + np.array([[0, 0, 1, 0]])}, {"labels": labels}) == 3 / 4


def test_each_set_of_a_batch_keeps_to_itself() -> None:
    two, swapped = (np.concatenate(pair) for pair in ((BOXES[:, :2], BOXES[:, 2:]), (BOXES[:, 2:], BOXES[:, :2])))
    group = Group("best", "TopK", {"boxes": 1})
    assert share(group, {"boxes": swapped}, {"boxes": two}) == 0.0
    assert share(group, {"boxes": two[:, ::-1]}, {"boxes": two}) == 1.0


def test_rows_may_lie_on_different_axes() -> None:
    group = Group("best", "TopK", {"boxes": 2, "labels": 1})
    reference, candidate = REFERENCE, detections([1, 0, 3, 2])
    turned = [{**side, "boxes": side["boxes"].transpose(0, 2, 1)} for side in (candidate, reference)]
    assert share(group, *turned) == 1.0


def test_outputs_of_one_selection_are_one_row() -> None:
    """Each box and each label is there again, but they belong to others."""
    assert share(ROWS, {"boxes": BOXES, "labels": LABELS[:, [1, 0, 2, 3]]}, REFERENCE) == 2 / 4


def test_places_are_compared_where_they_are_and_the_worst_output_counts() -> None:
    group = Group("decide", "ArgMax", {"map": None, "other": None})
    reference = {"map": np.array([[0, 1], [2, 3]]), "other": np.array([5, 6])}
    assert share(group, reference, reference) == 1.0
    assert share(group, {**reference, "map": np.array([[1, 0], [2, 3]])}, reference) == 0.5
    assert share(group, {**reference, "other": np.array([5, 6, 7])}, reference) == 0.0


def scored(scores: list[float], places: list[float]) -> dict[str, NDArray]:
    return {"score": np.array([scores], np.float32), "place": np.array([places], np.float32).reshape(1, -1, 1)}


SCORES = [0.9, 0.8, 0.7, 0.5002, 0.5001]


@pytest.mark.parametrize(
    ("scores", "places", "expected"),
    [
        (SCORES, [10, 20, 30, 40, 99.5], 1.0),
        (SCORES, [10, 20, 30, 99.5, 50], 4 / 5),
        (SCORES, [10, 20, 99.5, 40, 99.5], 3 / 4),
    ],
    ids=["the last one is a near tie with another", "no more than one is at the cut", "far above the cut"],
)
def test_what_swaps_in_and_out_at_the_cut_is_neither_right_nor_wrong(
    scores: list[float], places: list[float], expected: float
) -> None:
    group = Group("best", "TopK", {"score": 1, "place": 1}, score="score")
    assert share(group, scored(scores, places), scored(SCORES, [10.5, 20.5, 30.5, 40.5, 50.5])) == expected


def test_a_network_without_a_selection_cannot_be_judged_so() -> None:
    with pytest.raises(MetricError, match="no output of the model depends on a selection"):
        Matched().value()

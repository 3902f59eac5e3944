"""What a network's output decides: a mask or a class, per pixel, token or image.

Case 1: with a label, the output has one channel (as many values as the label): foreground or not.
Case 2: with a label, the output has one more axis than the label (axes of length 1 aside): its classes. Axis 1
        is tried first, then the last, then the first.
Case 3: without a label, classes lie on axis 1 of images (4 axes or more), else on the last axis; a single
        class means foreground or not. Integers, booleans and strings are decisions.

A NaN among the scores decides nothing: the place gets ``UNDECIDED``, which equals no label.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.errors import MetricError

UNDECIDED = -1
STRINGS = "OSU"
"""Kinds of numpy's types that hold strings: ONNX Runtime returns objects."""

# A sigmoid may overshoot by rounding; anything further out is no probability.
_PROBABILITY_SLACK = 1e-3


def decide(scores: NDArray[Any], reference: NDArray[Any], label: NDArray[Any] | None = None) -> NDArray[Any]:
    """The class of every place in ``scores``: 0 or 1 where there is one channel, else the highest score's index.

    Strings stand for themselves.

    ``reference`` is FP32's output: it alone says whether one channel holds probabilities (all within 0 to 1,
    foreground above 0.5) or logits (foreground above 0), so that a broken candidate cannot move its own
    threshold. The result is flat when a label is given, in the label's order.

    Raises:
        MetricError: no axis of the scores can hold the classes of ``label``.
    """
    if reference.dtype.kind in STRINGS:
        return np.asarray(scores, np.object_)
    if reference.dtype.kind in "biu":
        return np.asarray(scores).astype(np.intp)
    axis = _class_axis(scores.shape) if label is None else _labelled_axis(scores.shape, label.shape)
    if axis is None or scores.shape[axis] == 1:
        decided = np.where(scores > _threshold(reference), 1, 0)
        undecided = np.isnan(scores)
    else:
        decided = np.argmax(scores, axis=axis)
        undecided = np.isnan(scores).any(axis=axis)
    decided = np.where(undecided, UNDECIDED, decided)
    return decided if label is None else decided.reshape(-1)


def _threshold(reference: NDArray[Any]) -> float:
    low, high = (float(np.min(reference)), float(np.max(reference))) if reference.size else (0.0, 1.0)
    return 0.5 if low >= -_PROBABILITY_SLACK and high <= 1 + _PROBABILITY_SLACK else 0.0


def _class_axis(shape: tuple[int, ...]) -> int | None:
    if not shape:
        return None
    return 1 if len(shape) >= 4 else len(shape) - 1


def _labelled_axis(shape: tuple[int, ...], label: tuple[int, ...]) -> int | None:
    wanted = _squeezed(label)
    if _squeezed(shape) == wanted or math.prod(shape) == math.prod(label):
        return None
    for axis in (1, len(shape) - 1, 0):
        if axis < len(shape) and _squeezed(shape[:axis] + shape[axis + 1 :]) == wanted:
            return axis
    raise MetricError(
        f"an output of shape {shape} does not fit a label of shape {label}: expected the label's shape, or one "
        "axis more, which holds the classes"
    )


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)

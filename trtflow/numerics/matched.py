"""How much of what FP32 selects (detections, peaks, classes) a candidate selects, too, in whatever order.

Rows are matched one to one, nearest first. Two rows are the same when their integers are equal and each float lies
within ``NEAR`` of the largest magnitude that FP32's rows have in its column, so that boxes cover each other. A score
tells no rows apart, and the numbers that it comes from are judged before the selection, so ``SCORE`` holds for it:
for a column that is alone in its output, or lies within 0 to 1 beside others that do not. Whole numbers, labels as a
rule, may differ by one half at most. What an ArgMax decides is compared place by place.

Rows that FP32 alone has count as lost, rows that the candidate alone has as invented. Neither right nor wrong are
those at the cut of a TopK, where near ties swap in and out: the last ``BORDER`` of the ranks, one at least, and no
further above the lowest score than scores differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.errors import MetricError

Outputs = Mapping[str, NDArray[Any]]
NEAR = 0.01
SCORE = 0.05
BORDER = 0.05
Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Outputs that one selecting node decides: output → the axis of its rows; None: it is compared by place.

    ``score`` is the output by which a TopK chose, where the network returns it.
    """

    node: str
    op: str
    axes: Mapping[str, int | None]
    score: str | None = None


@dataclass
class Matched:
    """The share of rows found again, over all samples; the worst of the ``groups`` counts."""

    groups: tuple[Group, ...] = ()
    right: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    def update(self, outputs: Outputs, reference_outputs: Outputs, label: object = None) -> None:
        for group in self.groups:
            for axes in _together(group, reference_outputs):
                expected, found = ({name: side[name] for name in axes} for side in (reference_outputs, outputs))
                by_place = None in axes.values()
                right, total = _places(expected, found) if by_place else _rows(axes, expected, found, group.score)
                key = "/".join(axes)
                self.right[key] = self.right.get(key, 0) + right
                self.total[key] = self.total.get(key, 0) + total

    def value(self) -> float:
        if not self.total:
            raise MetricError(
                "matched: no output of the model depends on a selection (TopK, NonMaxSuppression, ArgMax …), as it "
                "must; accept by sqnr, cosine or agreement instead"
            )
        return min(self.right[key] / total if total else 1.0 for key, total in self.total.items())


def _together(group: Group, outputs: Outputs) -> Iterator[dict[str, Any]]:
    """The outputs of ``group`` that are joined to one row an entry; those of another length stand alone."""
    rows = {name: axis for name, axis in group.axes.items() if axis is not None}
    sets = min(rows.values(), default=0)
    lengths = {(outputs[name].shape[:sets], outputs[name].shape[axis]) for name, axis in rows.items()}
    if len(lengths) == 1:
        yield rows
    else:
        yield from ({name: axis} for name, axis in rows.items())
    yield from ({name: None} for name, axis in group.axes.items() if axis is None)


def _places(expected: Outputs, found: Outputs) -> tuple[int, int]:
    (reference, candidate), *_ = ((expected[name], found[name]) for name in expected)
    if reference.shape != candidate.shape:
        return 0, max(reference.size, candidate.size)
    return int(np.count_nonzero(reference == candidate)), reference.size


def _rows(axes: Mapping[str, int], expected: Outputs, found: Outputs, scored: str | None) -> tuple[int, int]:
    """How many rows are found again, and of how many."""
    sets = min(axes.values())
    wanted = [_as_sets(expected[name], axis, sets) for name, axis in axes.items()]
    gotten = [_as_sets(found[name], axis, sets) for name, axis in axes.items()]
    whole = [expected[name].dtype.kind in "biu" for name in axes]
    score = None if scored is None or scored not in axes else list(axes).index(scored)
    if len({array.shape[:2] for array in gotten}) > 1 or wanted[0].shape[0] != gotten[0].shape[0]:
        return 0, max(array.shape[0] * array.shape[1] for array in (*wanted, *gotten))
    right = total = 0
    for index in range(wanted[0].shape[0]):
        one, other = ([array[index] for array in side] for side in (wanted, gotten))
        allowed = np.concatenate([_allowed(rows, exact) for rows, exact in zip(one, whole, strict=True)])
        same, again = _paired(np.concatenate(one, axis=1), np.concatenate(other, axis=1), allowed)
        open_ = (0, 0) if score is None else _at_the_cut(one[score][:, 0], other[score][:, 0], same, again)
        right += int(np.count_nonzero(same))
        total += max(same.size - open_[0], again.size - open_[1])
    return right, total


def _as_sets(array: NDArray[Any], axis: int, sets: int) -> Rows:
    """(sets, rows, columns) of an array whose rows lie along ``axis``, behind ``sets`` axes that tell sets apart."""
    moved = np.moveaxis(array, axis, sets).astype(np.float64)
    count = math.prod(moved.shape[:sets])
    return moved.reshape(count, moved.shape[sets], math.prod(moved.shape[sets + 1 :]))


def _allowed(rows: Rows, exact: bool) -> NDArray[np.float64]:
    """How far each column may lie from FP32's ``rows``."""
    finite = np.where(np.isfinite(rows), rows, 0.0)
    unit = ((finite >= 0) & (finite <= 1)).all(axis=0)
    scores = unit & ~unit.all() if unit.size > 1 else np.ones_like(unit)
    near = np.where(scores, SCORE, NEAR) * np.abs(finite).max(axis=0, initial=0.0)
    steps = (finite == np.rint(finite)).all(axis=0)
    return np.zeros_like(near) if exact else np.where(steps, np.minimum(near, 0.5), near)


def _paired(
    reference: Rows, candidate: Rows, allowed: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows of either side have a partner. What is the same at the same rank is paired first, and saves work."""
    same, again = np.zeros(len(reference), np.bool_), np.zeros(len(candidate), np.bool_)
    both = min(len(reference), len(candidate))
    same[:both] = again[:both] = (_apart(reference[:both], candidate[:both], allowed) <= 1).all(axis=-1)
    left, over = np.flatnonzero(~same), np.flatnonzero(~again)
    distance = np.zeros((left.size, over.size))
    for column in range(reference.shape[1]):
        one, other = reference[left, None, column], candidate[None, over, column]
        np.maximum(distance, _apart(one, other, allowed[column]), out=distance)
    while distance.size:
        nearest, back = distance.argmin(axis=1), distance.argmin(axis=0)
        ranks = np.arange(left.size)
        rows = np.flatnonzero((back[nearest] == ranks) & (distance[ranks, nearest] <= 1))
        if not rows.size:
            break
        same[left[rows]] = again[over[nearest[rows]]] = True
        distance[rows] = distance[:, nearest[rows]] = math.inf
    return same, again


def _apart(one: Rows, other: Rows, allowed: NDArray[np.float64] | np.float64) -> Rows:
    """Distances in units of what is ``allowed``: 0 for equal values, infinite where a NaN stands."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(one == other, 0.0, np.abs(one - other) / allowed)
    return np.where(np.isnan(found), math.inf, found)


def _at_the_cut(
    reference: Rows, candidate: Rows, same: NDArray[np.bool_], again: NDArray[np.bool_]
) -> tuple[int, int]:
    """How many rows without a partner stand at the cut, on either side, by the scores that chose them."""
    if reference.size != candidate.size or not reference.size:
        return 0, 0
    last = max(1, round(BORDER * reference.size))
    slack = 2 * np.abs(np.sort(reference) - np.sort(candidate)).max()
    near = [(np.abs(side - side[-1]) <= slack)[-last:] for side in (reference, candidate)]
    return int(np.count_nonzero(near[0] & ~same[-last:])), int(np.count_nonzero(near[1] & ~again[-last:]))

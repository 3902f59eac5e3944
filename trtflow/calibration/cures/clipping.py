"""Weights clipped where that is better for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from trtflow.calibration.cures.bench import Bench, Trial, WeightedNode
from trtflow.cures.clipping import Clipping
from trtflow.numerics.quantize import on_grid, scale_for
from trtflow.precision import INT8, Precision

CLIPS = np.linspace(1.0, 0.5, 26).round(2)  # shares of a channel's largest magnitude that are tried


def places(bench: Bench) -> Mapping[str, Callable[[], Trial]]:
    """Every harmed node with weights."""
    return {entry.site.node: partial(_try, bench, entry) for entry in bench.weighted()}


def _try(bench: Bench, entry: WeightedNode) -> Trial:
    node = entry.site.node
    shares, before = clip_shares(entry.weight, entry.axis, bench.settings.precision), bench.error((node,))
    return bench.measure(Clipping(subject=node, nodes=(node,), before=before, after=before, shares=shares))


def clip_shares(weight: NDArray[np.float32], axis: int | None, precision: Precision = INT8) -> tuple[float, ...]:
    """The shares of its largest magnitude that leave ``weight`` the least error: per channel of ``axis``, or one."""
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1) if axis is not None else weight.reshape(1, -1)
    peaks = np.abs(rows).max(axis=1, keepdims=True)
    widest = np.where(peaks > 0, peaks, 1.0)
    errors = [np.square(rows - on_grid(rows, scale_for(widest * c, precision), precision)).sum(axis=1) for c in CLIPS]
    return tuple(CLIPS[np.argmin(errors, axis=0)].tolist())

"""The ranges that tensors would have with their channels rescaled: found on the tensors as they are, in one pass.

A channel over a power of two is exact, so the network need not be changed to see what that does to a range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trtflow.calibration.calibrate import tensor_scale
from trtflow.data import Array
from trtflow.files.scales import TensorScale
from trtflow.numerics.calibration import METHODS, Magnitudes, Method, Settings, count, threshold
from trtflow.numerics.quantize import along
from trtflow.numerics.ranges import TensorRange, merge, observe
from trtflow.progress import Progress, silent
from trtflow.runners.staged import Staged

Shifts = tuple[int, ...]
Seen = tuple[tuple[TensorRange, Magnitudes], ...]


@dataclass(frozen=True)
class Candidates:
    """Ways to rescale one tensor: its channels, along ``axis``, over two to the power of each of ``shifts``.

    ``peaks``: the channels' largest magnitudes as they are. ``entry``: the tensor's range as it is.
    """

    axis: int
    shifts: Sequence[Shifts]
    peaks: Array
    entry: TensorScale

    @property
    def method(self) -> Method:
        """What chose the threshold; the widest range is what an external one can be compared with."""
        return next((method for method in METHODS if method == self.entry.method), "minmax")


def rescaled_ranges(
    staged: Staged, candidates: Mapping[str, Candidates], settings: Settings, progress: Progress = silent
) -> dict[str, tuple[TensorScale, ...]]:
    """For each tensor its range under each of its ``shifts``, by the method that it has."""

    def look(name: str, array: Array) -> Seen:
        return tuple(_look(array, shifts, candidates[name]) for shifts in candidates[name].shifts)

    found = staged.fold(look, _join, "rescaled", progress)
    return {name: tuple(_entry(part, candidates[name], settings) for part in seen) for name, seen in found.items()}


def _look(array: Array, shifts: Shifts, candidates: Candidates) -> tuple[TensorRange, Magnitudes]:
    exponents = -np.asarray(shifts, np.int32)
    scaled = np.ldexp(array, along(exponents, candidates.axis % array.ndim, array.ndim))
    widest = float(np.ldexp(candidates.peaks, exponents).max(initial=0.0))
    return observe(scaled, moments=False), count(scaled, widest, {candidates.method})


def _join(first: Seen, second: Seen) -> Seen:
    return tuple((merge(a[0], b[0]), a[1] + b[1]) for a, b in zip(first, second, strict=True))


def _entry(seen: tuple[TensorRange, Magnitudes], candidates: Candidates, settings: Settings) -> TensorScale:
    """An external range keeps its share of the widest one: it was given for the tensor as it was."""
    range_, magnitudes = seen
    before = candidates.entry
    if before.method == "given" and before.seen:
        return tensor_scale(range_, ("given", range_.amax * before.amax / before.seen), magnitudes)
    amax = threshold(candidates.method, magnitudes, settings)
    return tensor_scale(range_, (candidates.method, amax), magnitudes)

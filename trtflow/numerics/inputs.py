"""What a network is fed, in numbers that tell one preprocessing from another."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.numerics.ranges import TensorRange, merge, observe

MOST_CHANNELS = 16  # an axis that is longer counts places, not channels


@dataclass(frozen=True)
class InputStatistics:
    """One input over the samples seen.

    ``axis`` is that of the channels (None: there are none) and ``channels`` the range of each. ``smoothness`` is the
    correlation of neighbours along the longest axis, averaged over samples: near 1 for pictures and sounds, near 0
    for noise. ``digests`` tell equal samples. ``shapes`` are those met. ``moments`` are the mean and the standard
    deviation of each sample.
    """

    samples: int
    shapes: tuple[tuple[int, ...], ...]
    axis: int | None
    whole: TensorRange
    channels: tuple[TensorRange, ...]
    smoothness: float
    digests: tuple[str, ...]
    moments: tuple[tuple[float, float], ...]

    @property
    def duplicates(self) -> int:
        """How many samples repeat an earlier one."""
        return len(self.digests) - len(set(self.digests))


def describe(array: NDArray[Any]) -> InputStatistics:
    """The statistics of one sample of an input."""
    axis = channel_axis(array.shape)
    parts = [] if axis is None else [observe(array.take(index, axis)) for index in range(array.shape[axis])]
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    whole = observe(array)
    moments = ((whole.mean, whole.std),)
    return InputStatistics(1, (array.shape,), axis, whole, tuple(parts), smoothness(array), (digest,), moments)


def join(first: InputStatistics, second: InputStatistics) -> InputStatistics:
    """The statistics over both; channels only where both have the same ones."""
    alike = first.axis == second.axis and len(first.channels) == len(second.channels)
    samples = first.samples + second.samples
    return InputStatistics(
        samples,
        tuple(dict.fromkeys((*first.shapes, *second.shapes))),
        first.axis if alike else None,
        merge(first.whole, second.whole),
        tuple(map(merge, first.channels, second.channels)) if alike else (),
        (first.smoothness * first.samples + second.smoothness * second.samples) / samples,
        first.digests + second.digests,
        first.moments + second.moments,
    )


def channel_axis(shape: tuple[int, ...]) -> int | None:
    """Where the channels of a batch of pictures are: axis 1 (NCHW) or the last (NHWC); None for other tensors."""
    if len(shape) < 4:
        return None
    if shape[1] <= MOST_CHANNELS:
        return 1
    return len(shape) - 1 if shape[-1] <= MOST_CHANNELS else None


def smoothness(array: NDArray[Any]) -> float:
    """The correlation of neighbours along the longest axis; 0 where nothing varies or there are no neighbours."""
    if array.dtype.kind not in "fiu" or not array.size or max(array.shape, default=0) < 3:
        return 0.0
    axis = int(np.argmax(array.shape))
    values = np.moveaxis(array, axis, -1).astype(np.float64)
    left, right = values[..., :-1].reshape(-1), values[..., 1:].reshape(-1)
    finite = np.isfinite(left) & np.isfinite(right)
    left, right = left[finite], right[finite]
    left, right = left - left.mean() if left.size else left, right - right.mean() if right.size else right
    energy = float(np.square(left).sum() * np.square(right).sum())
    return float((left * right).sum()) / energy**0.5 if energy > 0 else 0.0

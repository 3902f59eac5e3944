"""What a network is fed, in numbers that tell one preprocessing from another."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.numerics.ranges import TensorRange, merge, observe

MOST_CHANNELS = 16  # an axis that is longer counts places, not channels
APART = 4  # places between values that are still neighbours


@dataclass(frozen=True)
class InputStatistics:
    """One input over the samples seen.

    ``axis`` is that of the channels (None: there are none) and ``channels`` the range of each. ``correlations`` are
    those of ``neighbours`` in each sample that varies. ``digests`` tell equal samples. ``shapes`` are those met.
    ``moments`` are the mean and the standard deviation of each sample.
    """

    samples: int
    shapes: tuple[tuple[int, ...], ...]
    axis: int | None
    whole: TensorRange
    channels: tuple[TensorRange, ...]
    correlations: tuple[tuple[float, ...], ...]
    digests: tuple[str, ...]
    moments: tuple[tuple[float, float], ...]

    @property
    def smoothness(self) -> float:
        """The strongest correlation of neighbours, each in the mean of the samples.

        Near 1 in pictures and sounds, near 0 in noise and where nothing varies. Sounds whose spectrum was flattened
        and raw frames of colour filters show theirs a few places apart.
        """
        return max(map(fmean, zip(*self.correlations, strict=True)), key=abs, default=0.0)

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
    found = neighbours(array)
    correlations = () if found is None else (found,)
    return InputStatistics(1, (array.shape,), axis, whole, tuple(parts), correlations, (digest,), moments)


def join(first: InputStatistics, second: InputStatistics) -> InputStatistics:
    """The statistics over both; channels only where both have the same ones."""
    alike = first.axis == second.axis and len(first.channels) == len(second.channels)
    return InputStatistics(
        first.samples + second.samples,
        tuple(dict.fromkeys((*first.shapes, *second.shapes))),
        first.axis if alike else None,
        merge(first.whole, second.whole),
        tuple(map(merge, first.channels, second.channels)) if alike else (),
        first.correlations + second.correlations,
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


def neighbours(array: NDArray[Any]) -> tuple[float, ...] | None:
    """How values 1 to ``APART`` places apart correlate, along each axis in turn; None where nothing varies.

    Each channel counts alike, by its deviations from its own mean: noise around means that differ is still noise.
    Along an axis that is too short to tell it is 0.
    """
    if array.dtype.kind not in "fiu" or array.size < 3:
        return None
    axis = channel_axis(array.shape)
    channels = [array] if axis is None else list(np.moveaxis(array, axis, 0)[..., None])
    found = [known for channel in channels if (known := _correlations(channel)) is not None]
    return tuple(np.mean(found, axis=0).tolist()) if found else None


def _correlations(channel: NDArray[Any]) -> list[float] | None:
    finite = np.isfinite(channel)
    values = channel.astype(np.float64)
    if not finite.any() or values[finite].min() == values[finite].max():
        return None
    values = np.where(finite, values - values[finite].mean(), 0.0)
    turned = (np.moveaxis(values, axis, 0) for axis in range(values.ndim))
    return [
        _correlation(along[:-apart], along[apart:]) if len(along) >= 4 * apart else 0.0
        for along in turned
        for apart in range(1, APART + 1)
    ]


def _correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    energy = float(np.square(left).sum() * np.square(right).sum())
    return float((left * right).sum()) / energy**0.5 if energy > 0 else 0.0

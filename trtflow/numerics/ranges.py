"""The first pass of a calibration: what range a tensor takes, sample by sample, in a few numbers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TensorRange:
    """One tensor over the samples seen.

    ``low`` and ``high`` are over finite values (0 when there are none), ``peaks`` holds the largest magnitude of
    each sample, in order, ``channels`` that of each channel where an axis was named. ``total`` and ``squares`` are
    sums over finite values.
    """

    count: int
    nan: int
    inf: int
    low: float
    high: float
    total: float
    squares: float
    peaks: tuple[float, ...]
    channels: tuple[float, ...] = ()

    @property
    def amax(self) -> float:
        """The largest finite magnitude."""
        return max(abs(self.low), abs(self.high))

    @property
    def mean(self) -> float:
        """The mean of the finite values; 0 when there are none."""
        return self.total / self._finite if self._finite else 0.0

    @property
    def std(self) -> float:
        """The standard deviation of the finite values; infinite where a double does not hold their squares."""
        if not self._finite:
            return 0.0
        mean_square = self.squares / self._finite
        return math.sqrt(max(0.0, mean_square - self.mean * self.mean)) if mean_square < math.inf else math.inf

    @property
    def is_masked(self) -> bool:
        """Whether infinities, but no NaN, are among the values, as in masked scores: no range of codes has them."""
        return self.inf > 0 and not self.nan

    @property
    def _finite(self) -> int:
        return self.count - self.nan - self.inf

    @property
    def is_constant(self) -> bool:
        """Whether all finite values are the same, as in a dead or constant tensor."""
        return self.low == self.high

    @property
    def spread(self) -> float | None:
        """The largest magnitude of the widest channel over that of the median one, dead channels aside."""
        return spread(self.channels)

    def growth(self) -> float:
        """The share of ``amax`` that half of the samples would have missed on average, from 0 (none) to 1.

        Exact over all halves, so that the order of samples does not matter: of n peaks in rising order, the
        i-th is the largest of k drawn ones with probability C(i-1, k-1) / C(n, k). 1 for a single sample.
        """
        count = len(self.peaks)
        if count < 2 or not self.amax:
            return 1.0 if self.amax else 0.0
        half = count // 2
        chosen = math.comb(count, half)
        expected = sum(
            peak * (math.comb(place, half - 1) / chosen)
            for place, peak in enumerate(sorted(self.peaks))
            if place + 1 >= half
        )
        return max(0.0, 1.0 - expected / self.amax)


def spread(peaks: Sequence[float]) -> float | None:
    """The largest of ``peaks`` over their median, those that are 0 or not finite aside; None when there are none."""
    live = [peak for peak in peaks if 0 < peak < math.inf]
    return max(live) / statistics.median(live) if live else None


def observe(array: NDArray[Any], moments: bool = True, axis: int | None = None) -> TensorRange:
    """The range of one sample's tensor, any shape and real type; of its channels, too, where they lie on ``axis``.

    Without ``moments`` the sums stay 0, which halves the time.
    """
    found = _observe(array, moments)
    return found if axis is None or array.ndim < 2 else replace(found, channels=channel_peaks(array, axis))


def channel_peaks(array: NDArray[Any], axis: int) -> tuple[float, ...]:
    """The largest magnitude of each channel along ``axis``."""
    rest = tuple(place for place in range(array.ndim) if place != axis % array.ndim)
    return tuple(np.maximum(array.max(axis=rest, initial=0), -array.min(axis=rest, initial=0)).tolist())


def _observe(array: NDArray[Any], moments: bool) -> TensorRange:
    values = np.asarray(array).reshape(-1)
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    if not values.size:
        return TensorRange(0, 0, 0, 0.0, 0.0, 0.0, 0.0, (0.0,))
    low, high = float(values.min()), float(values.max())
    nan = inf = 0
    if not (math.isfinite(low) and math.isfinite(high)):
        nan, inf = int(np.isnan(values).sum()), int(np.isinf(values).sum())
        values = values[np.isfinite(values)]
        low, high = float(values.min(initial=math.inf)), float(values.max(initial=-math.inf))
        low, high = (low, high) if values.size else (0.0, 0.0)
    peak = (max(abs(low), abs(high)),)
    if not moments:
        return TensorRange(array.size, nan, inf, low, high, 0.0, 0.0, peak)
    total = float(values.sum(dtype=np.float64))
    squares = math.fsum(_square(values[start : start + _BLOCK]) for start in range(0, values.size, _BLOCK))
    return TensorRange(array.size, nan, inf, low, high, total, squares, peak)


_BLOCK = 1 << 16  # of values that are widened to float64 at a time


def _square(values: NDArray[Any]) -> float:
    return float(np.square(values, dtype=np.float64).sum())  # not np.dot: BLAS's threads spin on a busy machine


def merge(first: TensorRange, second: TensorRange) -> TensorRange:
    """The range over both; samples of ``first`` come before those of ``second``."""
    return TensorRange(
        count=first.count + second.count,
        nan=first.nan + second.nan,
        inf=first.inf + second.inf,
        low=_pick(min, first, second, "low"),
        high=_pick(max, first, second, "high"),
        total=first.total + second.total,
        squares=first.squares + second.squares,
        peaks=first.peaks + second.peaks,
        channels=tuple(map(max, first.channels, second.channels)),
    )


def _pick(choose: Any, first: TensorRange, second: TensorRange, field: str) -> float:
    """The extreme over those of the two that hold a finite value at all."""
    known = [getattr(part, field) for part in (first, second) if part._finite]
    return float(choose(known)) if known else 0.0

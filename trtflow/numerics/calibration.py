"""The second pass of a calibration: histograms of magnitudes, and the thresholds that methods take from them.

minmax      the largest magnitude seen
percentile  the magnitude below which a share of all values lies
entropy     the smallest loss of information, as TensorRT's EntropyCalibrator2 (see ``kl``)
mse         the smallest expected squared error of a quantized value

A histogram is a sum of counts over a range that the first pass fixed, so neither the batch size nor the order of
samples has any influence. (TensorRT's own calibrators grow their range batch by batch and depend on both.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from trtflow.numerics.histogram import BitHistogram, magnitude_bins
from trtflow.numerics.kl import BINS, entropy_bins
from trtflow.numerics.quantize import on_grid, scale_for
from trtflow.precision import INT8, Precision, Quantized

Method = Literal["minmax", "percentile", "entropy", "mse"]
METHODS: tuple[Method, ...] = get_args(Method)

PERCENTILE = 99.99
CANDIDATES = 128  # thresholds that mse tries, evenly spaced in the logarithm
DEEPEST = 1 / 256  # of amax: the smallest threshold that mse tries


@dataclass(frozen=True, eq=False)
class Magnitudes:
    """The distribution of |x|: equal bins up to ``amax`` (for entropy), and bins by leading bits (for the rest)."""

    amax: float
    equal: NDArray[np.int64]
    bits: BitHistogram

    def __add__(self, other: Magnitudes) -> Magnitudes:
        return Magnitudes(self.amax, self.equal + other.equal, self.bits + other.bits)


def count(array: NDArray[Any], amax: float, methods: Collection[Method] = METHODS) -> Magnitudes:
    """The histograms that ``methods`` need of one sample's tensor, of which no finite magnitude exceeds ``amax``.

    Values that are not finite are left out.
    """
    with np.errstate(over="ignore"):
        magnitudes = np.abs(np.asarray(array).reshape(-1).astype(np.float32, copy=False))
    if not np.isfinite(magnitudes.max(initial=0.0)):
        magnitudes = magnitudes[np.isfinite(magnitudes)]
    equal = _equal_bins(magnitudes, amax) if "entropy" in methods else np.zeros(BINS, np.int64)
    logarithmic = magnitude_bins(magnitudes) if {"percentile", "mse"}.intersection(methods) else np.zeros(0, np.int64)
    return Magnitudes(amax, equal, BitHistogram.trim(logarithmic))


def _equal_bins(magnitudes: NDArray[np.float32], amax: float) -> NDArray[np.int64]:
    if not amax:
        return np.zeros(BINS, np.int64)
    places = (magnitudes * np.float32(BINS / amax)).astype(np.int32)
    np.minimum(places, BINS - 1, out=places)
    return np.bincount(places, minlength=BINS)


@dataclass(frozen=True)
class Settings:
    """What the methods can be told. ``percentile`` is in percent; ``precision``: the grid that mse puts values on."""

    percentile: float = PERCENTILE
    precision: Quantized = INT8


def threshold(method: Method, magnitudes: Magnitudes, settings: Settings = Settings()) -> float:
    """The amax that ``method`` gives; 0 for a tensor that is zero throughout."""
    return min(_METHODS[method](magnitudes, settings), magnitudes.amax)


def clipped_share(magnitudes: Magnitudes, amax: float) -> float:
    """The share of values beyond ``amax``, within the resolution of the histogram's bins."""
    centres, counts = _filled(magnitudes.bits)
    total = int(counts.sum())
    return float(counts[centres > amax].sum() / total) if total else 0.0


def _percentile(magnitudes: Magnitudes, settings: Settings) -> float:
    return magnitudes.bits.quantile(settings.percentile / 100)


def _entropy(magnitudes: Magnitudes, _: Settings) -> float:
    """Bin 0 counts as much as bin 1: a ReLU's many zeros say nothing about the range (pytorch-quantization)."""
    counts = magnitudes.equal.copy()
    counts[0] = counts[1]
    return entropy_bins(counts) * magnitudes.amax / BINS


def _mse(magnitudes: Magnitudes, settings: Settings) -> float:
    centres, counts = _filled(magnitudes.bits)
    if not magnitudes.amax:
        return 0.0
    tried = magnitudes.amax * DEEPEST ** (np.arange(CANDIDATES) / (CANDIDATES - 1))
    return float(min(tried, key=lambda amax: expected_error(centres, counts, float(amax), settings.precision)))


def expected_error(
    centres: NDArray[np.float32], counts: NDArray[np.int64], amax: float, precision: Precision
) -> float:
    """Σ count · (x - quantized x)² for values near ``centres`` on the grid of ``amax``.

    Bins are narrower than the steps of the grid for all but the largest values, where every position inside a
    step is as likely as another; there the centre stands for the bin.
    """
    kept = on_grid(np.minimum(centres, np.float32(amax)), scale_for(amax, precision), precision)
    gap = centres.astype(np.float64) - kept
    return float((counts * gap * gap).sum())


def _filled(histogram: BitHistogram) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    used = np.flatnonzero(histogram.counts)
    return histogram.centres()[used], histogram.counts[used]


_METHODS: Mapping[Method, Callable[[Magnitudes, Settings], float]] = {
    "minmax": lambda magnitudes, _: magnitudes.amax,
    "percentile": _percentile,
    "entropy": _entropy,
    "mse": _mse,
}

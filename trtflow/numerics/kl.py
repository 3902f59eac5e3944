"""The threshold by Kullback-Leibler divergence, as TensorRT's EntropyCalibrator2 chooses it.

The magnitudes lie in 2048 equal bins. For each number of leading bins i from 128 on, two distributions are
compared: P, the first i bins with everything beyond added to the last of them (saturation), and Q, the same bins
merged into 128 levels and spread out again over those bins that were not empty. The i with the smallest
divergence KL(P ‖ Q) wins, and the threshold is the upper edge of bin i (S. Migacz, "8-bit inference with
TensorRT", GTC 2017). Where the last bin is empty but holds what lies beyond, Q would be zero and the divergence
infinite; Q counts as a small fraction of one value there, or a single outlier could not be clipped.

With prefix sums over counts c, over non-empty bins and over c·log c, every i is answered at once: the divergence
needs Σ p·log p and, per level, its mass times the logarithm of its mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS, LEVELS = 2048, 128
EMPTY = 1e-4  # of one value: what an empty last bin of Q counts as

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def entropy_bins(counts: Counts, levels: int = LEVELS) -> int:
    """How many leading bins of ``counts`` (any number above ``levels``) to keep; all of them when none is filled."""
    divergence = divergences(counts, levels)
    return int(levels + np.argmin(divergence)) if np.isfinite(divergence).any() else len(counts)


def divergences(counts: Counts, levels: int = LEVELS) -> Floats:
    """KL(P ‖ Q) for each number of leading bins from ``levels`` to ``len(counts)``; infinite if all are empty."""
    c = counts.astype(np.float64)
    total = c.sum()
    ends = np.arange(levels, len(counts) + 1)
    if not total:
        return np.full(ends.size, np.inf)
    mass, filled, logs = (_prefix(values) for values in (c, (c > 0).astype(np.float64), _xlogx(c)))
    last = c[ends - 1]
    saturated = last + total - mass[ends]
    own = logs[ends - 1] + _xlogx(saturated)  # Σ p·log p, p unnormalised
    edges = ends[:, None] * np.arange(levels + 1)[None, :] // levels
    level_mass, level_filled = (np.diff(sums[edges], axis=1) for sums in (mass, filled))
    mean_log = np.log(np.where(level_mass > 0, level_mass, 1.0) / np.maximum(level_filled, 1.0))
    last_log = np.where(last > 0, mean_log[:, -1], np.log(EMPTY))
    cross = (level_mass * mean_log).sum(axis=1) + (saturated - last) * last_log
    return np.asarray((own - cross) / total - np.log(total) + np.log(np.maximum(mass[ends], 1.0)))


def _prefix(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values)])


def _xlogx(values: Floats) -> Floats:
    return np.asarray(values * np.log(np.where(values > 0, values, 1.0)))

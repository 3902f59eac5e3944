"""What a grid of eight bits does to a tensor of which only some quantiles are known.

Between two known quantiles magnitudes are taken to grow by equal factors, which is exact for a tail that falls by a
power; so the noises are estimates, right within a few dB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trtflow.numerics.quantize import on_grid, scale_for
from trtflow.precision import Precision

POINTS = 256  # magnitudes between two known quantiles


@dataclass(frozen=True)
class Sketch:
    """Magnitudes of a tensor: ``known`` are (share of values at or below, magnitude), rising, the last at 1.

    ``zeros``: the share of values that are zero. ``rms`` is over all values. ``signed``: whether some are negative.
    """

    known: Sequence[tuple[float, float]]
    zeros: float
    rms: float
    signed: bool


@dataclass(frozen=True)
class Use:
    """What a grid makes of a tensor: signal over the noise of clipping and over that of rounding, in dB.

    ``beyond`` is the share of values that are clipped, ``crowded`` the share of those that are not zero which get
    one of the four codes nearest to zero (three where there are negative values).
    """

    clipping_db: float
    rounding_db: float
    beyond: float
    crowded: float


def use(sketch: Sketch, amax: float, precision: Precision) -> Use:
    """What the grid of ``amax`` (> 0) makes of the tensor behind ``sketch``."""
    magnitudes, weights = _magnitudes(sketch)
    scale = scale_for(amax, precision)
    kept = np.minimum(magnitudes, amax)
    rounded = on_grid(kept.astype(np.float32), scale, precision)
    few = 1 if sketch.signed else 3
    return Use(
        clipping_db=_decibel(sketch.rms, float((weights * (magnitudes - kept) ** 2).sum())),
        rounding_db=_decibel(sketch.rms, float((weights * (kept - rounded) ** 2).sum())),
        beyond=float(weights[magnitudes > amax].sum()),
        crowded=float(weights[magnitudes < (few + 0.5) * float(scale)].sum() / (weights.sum() or 1.0)),
    )


def _magnitudes(sketch: Sketch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Magnitudes of the values that are not zero, and the share of all values that each stands for."""
    share, low = sketch.zeros, 0.0
    found, weights = [np.zeros(0)], [np.zeros(0)]
    steps = (np.arange(POINTS) + 0.5) / POINTS
    for upto, high in sketch.known:
        if upto > share:
            found.append(low * (high / low) ** steps if low > 0 else high * steps)
            weights.append(np.full(POINTS, (upto - share) / POINTS))
            share, low = upto, high
    return np.concatenate(found), np.concatenate(weights)


def _decibel(rms: float, noise: float) -> float:
    return 10 * math.log10(rms * rms / noise) if rms > 0 and noise > 0 else math.inf

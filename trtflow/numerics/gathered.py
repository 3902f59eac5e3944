"""The records of blocks that went the fast way, and of those that only the candidate's overflow kept from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from trtflow.numerics.blocks import Extremes, Floats, Sums, Workspace, reduce_block
from trtflow.numerics.energy import Energy
from trtflow.numerics.exact import spread
from trtflow.numerics.histogram import BitHistogram, magnitude_bins
from trtflow.numerics.record import Spread, TensorStatistics

_NOTHING = Sums(*[0.0] * len(Sums._fields))
_NOTHING_LOW = Extremes(*[math.inf] * len(Extremes._fields))
_NOTHING_HIGH = Extremes(-math.inf, -math.inf, -math.inf, -math.inf, 0.0, 0.0)


@dataclass
class Gathered:
    """Blocks so far; of each, every ``step``-th value goes into the histograms, to stand for ``step`` values."""

    step: int
    count: int = 0
    sums: list[Sums] = field(default_factory=list)
    extremes: list[Extremes] = field(default_factory=list)
    magnitudes: list[Floats] = field(default_factory=list)
    errors: list[Floats] = field(default_factory=list)

    def add(self, r: Floats, c: Floats, space: Workspace) -> bool:
        """Take in a block, or return False when it does not go the fast way."""
        block = reduce_block(r, c, space)
        if block is None:
            return False
        every = slice(-self.count % self.step, r.size, self.step)
        self.magnitudes.append(r[every].copy())
        self.errors.append(space.error[every].copy())
        self.sums.append(block[0])
        self.extremes.append(block[1])
        self.count += r.size
        return True

    def total(self) -> TensorStatistics:
        """The record of all blocks, an empty one when there are none."""
        sums = Sums(*(math.fsum(column) for column in zip(_NOTHING, *self.sums, strict=True)))
        low = Extremes(*map(min, zip(_NOTHING_LOW, *self.extremes, strict=True)))
        high = Extremes(*map(max, zip(_NOTHING_HIGH, *self.extremes, strict=True)))
        energy = Energy(self.count, 0, sums.rr, sums.cc, sums.ee, sums.rc, low.r_low, high.r_high)
        return TensorStatistics(
            energy=energy,
            reference=Spread(self.count, 0, 0, int(sums.r_zeros), low.r_low, high.r_high, sums.r, sums.rr),
            candidate=Spread(self.count, 0, 0, int(sums.c_zeros), low.c_low, high.c_high, sums.c, sums.cc),
            differing=int(sums.differing),
            overflowed=0,
            underflowed=int(sums.c_zeros - sums.both_zero),
            beyond_fp16=int(sums.beyond_fp16),
            below_normal=int(sums.below_normal),
            below_subnormal=int(sums.below_subnormal),
            max_abs=high.absolute,
            sum_abs=sums.absolute,
            max_rel=high.relative,
            sum_rel=sums.relative,
            magnitudes=self._histogram(self.magnitudes),
            errors=self._histogram(self.errors),
        )

    def _histogram(self, values: list[Floats]) -> BitHistogram:
        return (
            BitHistogram.trim(magnitude_bins(np.concatenate(values)) * self.step) if values else BitHistogram.empty()
        )


def reduce_overflowed(r: Floats, c: Floats, space: Workspace, step: int) -> TensorStatistics | None:
    """A block whose candidate is NaN or infinite in places and whose reference is not; ``None`` for any other.

    What follows an overflow is NaN all over, so this must not be slow. Everything but those places is measured
    the fast way, with the reference's values in them, and what is known of them is put in afterwards.
    """
    bad = ~np.isfinite(c)
    lost = int(np.count_nonzero(bad))
    one = Gathered(step)
    if not lost or not one.add(r, np.where(bad, r, c), space):
        return None
    one.errors[0][bad[::step]] = np.inf
    total = one.total()
    return replace(
        total,
        energy=replace(total.energy, mismatched=lost),
        candidate=spread(c),
        differing=total.differing + lost,
        overflowed=lost,
        max_abs=math.inf,
        sum_abs=math.inf,
        max_rel=2.0,
        sum_rel=total.sum_rel + 2.0 * lost,
    )

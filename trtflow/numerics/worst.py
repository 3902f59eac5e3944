"""One tensor over samples: its statistics over all of them, and which sample treats it worst."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from trtflow.numerics.record import Figures, TensorStatistics, merge


@dataclass(frozen=True)
class OverSamples:
    """``sample`` has the lowest SQNR (``sqnr_db``), of several such the first with most that differs.

    ``differing_share`` is the largest of any sample: what one sample breaks, many good ones would hide in ``total``.
    """

    total: TensorStatistics
    sample: int
    sqnr_db: float
    share_there: float
    differing_share: float

    @classmethod
    def of(cls, sample: int, found: TensorStatistics) -> OverSamples:
        """The statistics of ``sample`` alone."""
        share = found.differing_share
        return cls(found, sample, found.sqnr_db, share, share)

    def __add__(self, other: OverSamples) -> OverSamples:
        worst = min(self, other, key=_rank)
        return replace(
            worst,
            total=merge(self.total, other.total),
            differing_share=max(self.differing_share, other.differing_share),
        )

    def figures(self) -> Figures:
        """What is published."""
        return replace(
            self.total.figures(),
            worst_sample=self.sample,
            worst_sqnr_db=self.sqnr_db,
            worst_differing_share=self.differing_share,
        )


def _rank(entry: OverSamples) -> tuple[float, float]:
    """The worst first; a sample of which nothing was compared is never it."""
    return math.inf if math.isnan(entry.sqnr_db) else entry.sqnr_db, -entry.share_there

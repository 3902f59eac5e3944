"""Weight clipping: finer steps for most weights at the price of clipping the largest."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from trtflow.cures.base import Adjustment, CureRecord, Host, missing, unlike


class Clipping(CureRecord):
    """The largest code of the weights of ``subject`` at ``shares`` of their magnitude: per channel, or one."""

    kind: Literal["weight clipping"] = "weight clipping"
    shares: tuple[float, ...]

    def misfit(self, host: Host) -> str:
        """The node must have constant weights, with as many steps."""
        place = host.weights.get(self.subject)
        if place is None:
            return missing(self, host)
        return unlike(self, 1 if place.axis is None else place.tensor.dims[place.axis], len(self.shares))

    def adjust(self, adjustment: Adjustment) -> Adjustment:
        """The weights clipped."""
        return replace(adjustment, shares=self.shares)

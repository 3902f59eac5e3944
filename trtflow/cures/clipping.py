"""Weight clipping: finer steps for most weights at the price of clipping the largest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Self

from trtflow.cures.base import Adjustment, HarmedNode, Host, NodeCureRecord, missing, unlike
from trtflow.precision import INT8, Precision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLIPS = tuple(share / 100 for share in range(100, 49, -2))
"""The shares of a channel's largest magnitude that are tried."""


class Clipping(NodeCureRecord):
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

    @classmethod
    def propose(cls, harmed: HarmedNode, before: float) -> Self:
        """The shares that leave its weights the least error."""
        name, shares = harmed.node.name, clip_shares(harmed.weight, harmed.axis, harmed.precision)
        return cls(subject=name, nodes=(name,), before=before, after=before, shares=shares)


def clip_shares(weight: NDArray[np.float32], axis: int | None, precision: Precision = INT8) -> tuple[float, ...]:
    """The shares of its largest magnitude that leave ``weight`` the least error: per channel of ``axis``, or one."""
    import numpy as np

    from trtflow.numerics.quantize import on_grid, scale_for

    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1) if axis is not None else weight.reshape(1, -1)
    peaks = np.abs(rows).max(axis=1, keepdims=True)
    widest = np.where(peaks > 0, peaks, 1.0)
    errors = [np.square(rows - on_grid(rows, scale_for(widest * c, precision), precision)).sum(axis=1) for c in CLIPS]
    return tuple(CLIPS[index] for index in np.argmin(errors, axis=0))

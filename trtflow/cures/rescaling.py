"""Equalisation and migration: channels over powers of two, which leave the network as it is in FP32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trtflow.cures.base import CureRecord, Host
from trtflow.plan import PrecisionPlan
from trtflow.text import did_you_mean

if TYPE_CHECKING:
    import onnx


class Rescaling(CureRecord):
    """The channels of the tensor ``subject`` over two to the power of ``shifts``; its readers make up for it."""

    kind: Literal["equalisation", "migration"]
    shifts: tuple[int, ...]

    def in_effect(self, plan: PrecisionPlan) -> bool:
        """Always: the network is changed whatever is quantized."""
        return True

    def misfit(self, host: Host) -> str:
        """The tensor must be there, with as many channels, and its range free to move."""
        tensors = host.analysis.scopes[0].producers
        place = host.transfers.get(self.subject)
        if self.subject not in tensors:
            return f"{self.kind}: there is no tensor {self.subject}{did_you_mean(self.subject, tensors, '; ')}"
        if place is None:
            return f"{self.kind}: range cannot move at {self.subject}, for other operators make it or read it now"
        if place.channels != len(self.shifts):
            return f"{self.kind}: {self.subject} has {place.channels} channels, the decision {len(self.shifts)}"
        return ""

    def change(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """``model`` with the range moved."""
        from trtflow.cures.moving import transfer_ranges
        from trtflow.cures.transfers import transfers

        place = next(transfer for transfer in transfers(model) if transfer.tensor == self.subject)
        return transfer_ranges(model, place, self.shifts)

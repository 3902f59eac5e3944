"""Bias correction: what quantization does to the mean of a layer's outputs, taken off its bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from trtflow.cures.base import Adjustment, CureRecord, Host, missing, unlike

if TYPE_CHECKING:
    import onnx

    from trtflow.model.scopes import Scope


class Correction(CureRecord):
    """What is added to the bias of ``subject``, per output channel."""

    kind: Literal["bias correction"] = "bias correction"
    bias: tuple[float, ...]

    def misfit(self, host: Host) -> str:
        """The node must have constant weights and as many outputs, and no bias that is computed."""
        place = host.weights.get(self.subject)
        scope, node = host.analysis.by_name.get(self.subject, (None, None))
        if place is None or scope is None or node is None or not takes_correction(node, scope):
            return missing(self, host)
        return unlike(self, output_channels(node, place.tensor.dims), len(self.bias))

    @property
    def caveat(self) -> str:
        """It belongs to the weights that it was made for."""
        return f"the bias correction of {self.subject} makes up for the rounding of the old weights"

    def adjust(self, adjustment: Adjustment) -> Adjustment:
        """The bias corrected."""
        return replace(adjustment, bias=self.bias)


def takes_correction(node: onnx.NodeProto, scope: Scope) -> bool:
    """Whether the bias of ``node`` can be corrected: Conv and Gemm, where weights and bias are constants."""
    from trtflow.model.types import attribute_int

    suits = node.op_type == "Conv" or (node.op_type == "Gemm" and not attribute_int(node, "transA"))
    return suits and all(scope.constant(name) is not None for name in node.input[1:] if name)


def output_channels(node: onnx.NodeProto, dims: Sequence[int]) -> int:
    """How many numbers the bias of ``node`` has, whose weights are of ``dims``."""
    from trtflow.model.types import attribute_int

    return dims[0 if node.op_type == "Conv" or attribute_int(node, "transB") else 1]

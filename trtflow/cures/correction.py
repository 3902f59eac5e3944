"""Bias correction: what quantization does to the mean of a layer's outputs, taken off its bias.

The correction is for the quantized layer only: the FP32 network stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from trtflow.cures.base import Adjustment, HarmedNode, Host, NodeCureRecord, missing, unlike
from trtflow.text import six_digits

if TYPE_CHECKING:
    import onnx

    from trtflow.model.scopes import Scope


class Correction(NodeCureRecord):
    """What is added to the bias of ``subject``, per output channel."""

    kind: Literal["bias correction"] = "bias correction"
    bias: tuple[float, ...]
    needs_means: ClassVar[bool] = True

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

    @classmethod
    def suits(cls, node: onnx.NodeProto, scope: Scope) -> bool:
        """Its bias must be open to a correction."""
        return takes_correction(node, scope)

    @classmethod
    def propose(cls, harmed: HarmedNode, before: float) -> Self:
        """What makes up for its rounded weights and input, on the mean."""
        from trtflow.cures.mean_outputs import bias_correction
        from trtflow.numerics.quantize import along, on_grid, weight_scale

        weight, axis, precision = harmed.weight, harmed.axis, harmed.precision
        assert harmed.means is not None  # noqa: S101 - needs_means
        step = along(weight_scale(weight, axis, precision, harmed.adjustment.shares), axis, weight.ndim)
        shift = bias_correction(harmed.node, weight, on_grid(weight, step, precision), *harmed.means)
        name, bias = harmed.node.name, tuple(map(six_digits, shift.tolist()))
        return cls(subject=name, nodes=(name,), before=before, after=before, bias=bias)


def takes_correction(node: onnx.NodeProto, scope: Scope) -> bool:
    """Whether the bias of ``node`` can be corrected: Conv and Gemm, where weights and bias are constants."""
    from trtflow.model.types import attribute_int

    suits = node.op_type == "Conv" or (node.op_type == "Gemm" and not attribute_int(node, "transA"))
    return suits and all(scope.constant(name) is not None for name in node.input[1:] if name)


def output_channels(node: onnx.NodeProto, dims: Sequence[int]) -> int:
    """How many numbers the bias of ``node`` has, whose weights are of ``dims``."""
    from trtflow.model.types import attribute_int

    return dims[0 if node.op_type == "Conv" or attribute_int(node, "transB") else 1]

"""One graph in which any activation can be quantized, by any scale, without building it anew.

Each tensor that quantized nodes read goes through an If: one branch is a Q/DQ pair whose scale is an input of the
graph, the other passes the tensor on. Choosing among ranges takes hundreds of runs and this takes one session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from trtflow.model.edit import FreshNames, clone, fresh_names, insert_behind
from trtflow.model.opset import raise_opset
from trtflow.model.scopes import opset
from trtflow.numerics.quantize import scale_for
from trtflow.precision import INT8, ROWS, Precision
from trtflow.qdq.placement import Site
from trtflow.qdq.quantize import PER_CHANNEL


@dataclass(frozen=True)
class Gated:
    """``model`` has two further inputs per tensor: whether it is quantized, and the scale."""

    model: onnx.ModelProto
    precision: Precision
    gates: Mapping[str, str]
    scales: Mapping[str, str]

    def feed(self, amax: Mapping[str, float]) -> dict[str, NDArray[Any]]:
        """The further inputs that quantize the tensors of ``amax`` and no others."""
        feed: dict[str, NDArray[Any]] = {}
        for tensor, gate in self.gates.items():
            feed[gate] = np.asarray(tensor in amax)
            feed[self.scales[tensor]] = scale_for(amax.get(tensor, 1.0), self.precision)
        return feed


def gated(model: onnx.ModelProto, sites: Sequence[Site], precision: Precision = INT8) -> Gated:
    """``model`` with a gate for every activation of ``sites``."""
    least = max(PER_CHANNEL, ROWS[precision].opset)
    copy = raise_opset(model, least) if opset(model) < least else clone(model)
    fresh, known = fresh_names(copy), {node.name: node for node in copy.graph.node}
    gates: dict[str, str] = {}
    scales: dict[str, str] = {}
    opened: dict[str, onnx.NodeProto] = {}
    copy.graph.initializer.append(
        helper.make_tensor(zero := fresh("zero"), ROWS[precision].onnx_type, [], bytes(1), raw=True)
    )
    for entry in (entry for site in sites for entry in site.activations):
        tensor = entry.tensor
        if tensor not in gates:
            gates[tensor], scales[tensor] = fresh.each(tensor, "gate", "scale")
            opened[tensor] = _gate(tensor, gates[tensor], scales[tensor], zero, fresh)
        known[entry.node].input[entry.slot] = opened[tensor].output[0]
    for names, elem in ((gates, onnx.TensorProto.BOOL), (scales, onnx.TensorProto.FLOAT)):
        copy.graph.input.extend(helper.make_tensor_value_info(name, elem, []) for name in names.values())
    insert_behind(copy.graph, {tensor: [gate] for tensor, gate in opened.items()})
    return Gated(copy, precision, gates, scales)


def _gate(tensor: str, gate: str, scale: str, zero: str, fresh: FreshNames) -> onnx.NodeProto:
    codes, through, passed = fresh.each(tensor, "codes", "through", "passed")
    pair = [
        helper.make_node("QuantizeLinear", [tensor, scale, zero], [codes], fresh(codes, "node")),
        helper.make_node("DequantizeLinear", [codes, scale, zero], [through], fresh(through, "node")),
    ]
    plain = [helper.make_node("Identity", [tensor], [passed], fresh(passed, "node"))]
    return helper.make_node(
        "If", [gate], [fresh(tensor, "gated")], fresh(tensor, "if"),
        then_branch=helper.make_graph(pair, "quantized", [], [onnx.ValueInfoProto(name=through)]),
        else_branch=helper.make_graph(plain, "plain", [], [onnx.ValueInfoProto(name=passed)]),
    )  # fmt: skip

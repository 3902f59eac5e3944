"""Any ONNX with FP16 or BF16 tensors as an FP32 graph in which each of them is really rounded.

Written against the file's types alone and independent of the emulator, so that the two can check each other:
the rewrite of a plan, emulated as typed, must give the numbers of the emulated plan.
"""

from __future__ import annotations

import onnx

from trtflow.emulation.accumulation import accumulate
from trtflow.emulation.layernorm import sidestep_fusion
from trtflow.emulation.nan import keep_nan, loses_nan
from trtflow.emulation.recurrent import can_spell_out, rounded_at, spelt_out
from trtflow.emulation.rounding import cast_pair
from trtflow.model.edit import FreshNames, clone, fresh_names, replace_nodes
from trtflow.model.opset import lower_opset
from trtflow.model.scopes import CONTROL_FLOW, Scope, is_constant, opset, scopes
from trtflow.model.types import Types, infer
from trtflow.model.upcast import keep_interface, retype
from trtflow.precision import FP16, FP32, LOW, OF_TYPE, Accumulation, Precision


def emulate_typed(model: onnx.ModelProto, accumulation: Accumulation = FP32) -> onnx.ModelProto:
    """An FP32 graph that computes ``model`` with every FP16- or BF16-typed tensor rounded to its type.

    Names are kept; inputs and outputs keep their types. Each operator computes in FP32 on rounded inputs.
    ``accumulation="fp16"`` rounds the partial sums of FP16's products as well.
    """
    types = infer(model)
    copy = clone(model)
    retype(copy)
    fresh = fresh_names(copy)
    version = opset(model)
    for scope in reversed(scopes(copy)):
        _round_typed(scope, types, version, accumulation, fresh)
    keep_interface(copy, types)
    lower_opset(copy)
    sidestep_fusion(copy)
    if accumulation == FP32:
        return copy
    everywhere = ((scope, node) for scope in scopes(model) for node in scope.graph.node)
    return accumulate(copy, [node.name for scope, node in everywhere if _is_fp16(scope, node, types)])


def _is_fp16(scope: Scope, node: onnx.NodeProto, types: Types) -> bool:
    """Whether the first two inputs of ``node`` are."""
    return {OF_TYPE.get(types.of(scope, name).elem) for name in node.input[:2]} == {FP16}


def _round_typed(scope: Scope, types: Types, version: int, accumulation: Accumulation, fresh: FreshNames) -> None:
    nodes: list[onnx.NodeProto] = []
    for node in scope.graph.node:
        tail: list[onnx.NodeProto] = []
        low = next((p for name in node.output if (p := OF_TYPE.get(types.of(scope, name).elem)) in LOW), None)
        if not is_constant(node) and node.op_type not in CONTROL_FLOW:
            for index, name in enumerate(node.output):
                precision = OF_TYPE.get(types.of(scope, name).elem)
                if name and precision in LOW:
                    node.output[index] = fresh(name, "raw")
                    tail.extend(cast_pair(node.output[index], name, precision, fresh))
        nodes.extend(_computing(scope, node, low, types, version, accumulation, fresh))
        nodes.extend(tail)
    replace_nodes(scope.graph, nodes)


def _computing(
    scope: Scope,
    node: onnx.NodeProto,
    low: Precision | None,
    types: Types,
    version: int,
    accumulation: Accumulation,
    fresh: FreshNames,
) -> list[onnx.NodeProto]:
    """What computes ``node``, whose outputs are in ``low``, as a GPU does."""
    if low is not None and can_spell_out(node, version):
        return spelt_out(node, low, rounded_at("tensor", low, accumulation), version, fresh)
    return keep_nan(node, version, fresh) if loses_nan(scope, node, types) else [node]

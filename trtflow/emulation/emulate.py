"""The emulator: an FP32 graph that computes what a mixed-precision engine would.

A low node's every float input, weight and output is rounded to its format and the operator computes in FP32. A
high node reads what its producer stored. ONNX Runtime's CPU provider would run a real FP16 graph in FP32 and hide
every overflow, but it leaves explicit pairs of Casts alone at every optimisation level.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import onnx

from trtflow.emulation.accumulation import accumulate, products
from trtflow.emulation.cells import Point
from trtflow.emulation.fusion import fused
from trtflow.emulation.layernorm import sidestep_fusion
from trtflow.emulation.nan import keep_nan, loses_nan
from trtflow.emulation.recurrent import can_spell_out, rounded_at, spelt_out
from trtflow.emulation.rounding import Roundings, cast_pair
from trtflow.model.analysis import Analysis, analyse
from trtflow.model.assignment import Edges, edges
from trtflow.model.edit import FreshNames, clone, drop_unread, fresh_names, replace_nodes
from trtflow.model.operators import is_exact
from trtflow.model.scopes import CONTROL_FLOW, Scope
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32, Accumulation, Precision

Rounding = Literal["tensor", "unit"]


def instrument(
    model: onnx.ModelProto, plan: PrecisionPlan, rounding: Rounding = "tensor", accumulation: Accumulation = FP32
) -> onnx.ModelProto:
    """The FP32 graph that emulates ``model`` under ``plan``; names and types of inputs and outputs unchanged.

    The plan is taken literally: a constant beyond a format's range becomes infinite (see ``legalize``). A tensor
    keeps its name and carries the value that consumers see.

    ``rounding="unit"`` rounds what a fused engine stores: the outputs of units (see ``units``) that are wholly in
    one low format, BatchNormalization folded into the weights before these are rounded. ``accumulation="fp16"``
    rounds the partial sums of products as well, as far as ``emulation.accumulation`` covers them.

    Raises:
        PlanError: the plan names a node that the model lacks.
        ModelError: the model's opset is too old for ``accumulation="fp16"``.
    """
    copy = clone(model)
    analysis = analyse(copy)
    assigned = edges(analysis, plan)
    fresh = fresh_names(copy)
    recurrent = _recurrent(analysis, assigned)
    if rounding == "unit":
        assigned = fused(analysis, assigned, fresh)
    settled = {name for name in assigned.outputs if _is_settled(name, analysis, assigned)}
    made = replace(assigned, outputs={n: low for n, low in assigned.outputs.items() if n not in settled})
    points = {low: rounded_at(rounding, low, accumulation) for low in recurrent.values()}
    lossy = {n.name for scope in analysis.scopes for n in scope.graph.node if loses_nan(scope, n, analysis.types)}
    mended = _Mended(analysis.opset, recurrent, points, lossy, fresh)
    roundings = Roundings(fresh)
    for scope in analysis.scopes:
        for node in scope.graph.node:
            _round_inputs(scope, node, assigned, roundings)
    for scope in reversed(analysis.scopes):  # bodies first: a rebuilt graph holds copies of its nodes' bodies
        _rebuild(scope, made, mended, roundings)
    sidestep_fusion(copy)
    if rounding == "unit":
        drop_unread(copy)  # the weights that were folded
    return accumulate(copy, products(model, plan)) if accumulation == FP16 else copy


def _round_inputs(scope: Scope, node: onnx.NodeProto, assigned: Edges, roundings: Roundings) -> None:
    for index, precision in assigned.inputs.get(node.name, {}).items():
        key = scope.key(node.input[index])
        if assigned.format(key) != precision:
            node.input[index] = roundings.request(key, precision)


@dataclass(frozen=True)
class _Mended:
    """What ONNX Runtime computes otherwise than a GPU: low ``recurrent`` nodes, and those that lose NaN."""

    version: int
    recurrent: Mapping[str, Precision]
    points: Mapping[Precision, frozenset[Point]]
    lossy: Container[str]
    fresh: FreshNames

    def __call__(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """What computes ``node`` as a GPU does."""
        if node.name in self.recurrent:
            low = self.recurrent[node.name]
            return spelt_out(node, low, self.points[low], self.version, self.fresh)
        return keep_nan(node, self.version, self.fresh) if node.name in self.lossy else [node]


def _recurrent(analysis: Analysis, assigned: Edges) -> dict[str, Precision]:
    """The recurrent nodes that write a low format, and which."""
    return {
        name: next(iter(low.values()))
        for name, low in assigned.outputs.items()
        if low and can_spell_out(analysis.by_name[name][1], analysis.opset)
    }


def _rebuild(scope: Scope, assigned: Edges, mended: _Mended, roundings: Roundings) -> None:
    """Write the scope's nodes anew, each ``mended`` and followed by the roundings of what it makes."""
    graph = scope.graph
    given = [name for name, producer in scope.producers.items() if producer is None]
    nodes = roundings.made_from(scope.path, given)
    for node in graph.node:
        outputs = tuple(node.output)
        tail = _round_outputs(node, assigned, mended.fresh)
        nodes.extend(mended(node))
        nodes.extend(tail)
        nodes.extend(roundings.made_from(scope.path, outputs))
    replace_nodes(graph, nodes)


def _is_settled(name: str, analysis: Analysis, assigned: Edges) -> bool:
    """Whether the outputs of a node are values of its format already, because all that it reads is, or its body."""
    if analysis.by_name[name][1].op_type in CONTROL_FLOW:
        return True
    given = assigned.inputs[name]
    if not given or not is_exact(analysis.by_name[name][1]):
        return False
    able = analysis.low_slots(name, next(iter(given.values()))).inputs
    return all(index in given for index, low in enumerate(able) if low)


def _round_outputs(node: onnx.NodeProto, assigned: Edges, fresh: FreshNames) -> list[onnx.NodeProto]:
    """Let ``node`` write under other names what the returned nodes then round."""
    tail: list[onnx.NodeProto] = []
    for index, precision in assigned.outputs.get(node.name, {}).items():
        name = node.output[index]
        node.output[index] = fresh(name, "raw")
        tail.extend(cast_pair(node.output[index], name, precision, fresh))
    return tail

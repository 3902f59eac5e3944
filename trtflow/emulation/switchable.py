"""The emulator with a switch per node: one session measures every plan between two precisions.

Each candidate becomes an If whose condition is an input of the graph. One branch computes the node as it is; the
other rounds what the node reads and writes, with weights that were rounded beforehand, so that ONNX Runtime packs
the weights of both once. Rounding a tensor that its producer has rounded already changes nothing, so a plan
computes what ``instrument`` makes of it, up to the order of additions that ONNX Runtime's fusions choose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
from onnx import helper, numpy_helper

from trtflow.emulation.layernorm import sidestep_fusion
from trtflow.emulation.nan import keep_nan, loses_nan
from trtflow.emulation.recurrent import can_spell_out, rounded_at, spelt_out
from trtflow.emulation.rounding import cast_pair
from trtflow.errors import ModelError
from trtflow.model.analysis import Analysis, analyse
from trtflow.model.constants import cast, values
from trtflow.model.dequantized import tied, tied_groups
from trtflow.model.edit import FreshNames, clone, copied, derived, fresh_names, replace_nodes
from trtflow.model.operators import is_exact
from trtflow.model.scopes import Scope
from trtflow.model.units import readers
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision

Branch = Literal["low", "high"]


@dataclass(frozen=True)
class Switchable:
    """``model`` has a further boolean input per candidate: ``switches`` maps node → input, true being ``low``.

    ``groups`` are the nodes that have one precision (see ``tied_groups``).
    """

    model: onnx.ModelProto
    switches: Mapping[str, str]
    low: Precision
    groups: tuple[frozenset[str], ...] = ()

    def feed(self, plan: PrecisionPlan) -> dict[str, np.ndarray]:
        """The values of the switches under ``plan``."""
        plan = tied(plan, self.groups)
        return {name: np.asarray(plan.precision(node) == self.low) for node, name in self.switches.items()}


def switchable(model: onnx.ModelProto, low: Precision) -> Switchable:
    """``model`` with a switch per candidate.

    Raises:
        ModelError: there are candidates in bodies of control flow, which ``instrument`` takes.
    """
    copy = clone(model)
    analysis = analyse(copy)
    if inner := [info.name for info in analysis.candidates if info.scope]:
        raise ModelError(
            f"{inner[0]!r} and {len(inner) - 1} more candidates lie in bodies of control flow: use instrument"
        )
    fresh, groups = fresh_names(copy), tied_groups(analysis, readers(analysis))
    main = analysis.scopes[0]
    switches: dict[str, str] = {}
    nodes: list[onnx.NodeProto] = []
    builder = _Builder(analysis, low, fresh)
    chosen = {info.name for info in analysis.candidates}
    for node in main.graph.node:
        if node.name in chosen:
            switches[node.name] = fresh(node.name, "low")
            nodes.append(builder.switch(main, node, switches[node.name]))
        else:
            nodes.append(node)
    replace_nodes(copy.graph, nodes)
    copy.graph.initializer.extend(builder.rounded.values())
    copy.graph.input.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.BOOL, []) for name in switches.values()
    )
    sidestep_fusion(copy)
    return Switchable(copy, switches, low, groups)


class _Builder:
    """Makes the two branches of a node; remembers the rounded weights."""

    def __init__(self, analysis: Analysis, low: Precision, fresh: FreshNames) -> None:
        self.analysis, self.low, self.fresh = analysis, low, fresh
        self.rounded: dict[str, onnx.TensorProto] = {}

    def switch(self, scope: Scope, node: onnx.NodeProto, switch: str) -> onnx.NodeProto:
        """``node`` as an If that reads ``switch``."""
        types = [self.analysis.types.of(scope, name).elem for name in node.output if name]
        lossy = loses_nan(scope, node, self.analysis.types)
        return helper.make_node(
            "If",
            [switch],
            [name for name in node.output if name],
            self.fresh(node.name, "if"),
            then_branch=_body("low", self._low(scope, node, lossy), node, types),
            else_branch=_body("high", self._nodes(node, "high", lossy), node, types),
        )

    def _low(self, scope: Scope, node: onnx.NodeProto, lossy: bool) -> list[onnx.NodeProto]:
        able = self.analysis.low_slots(node.name, self.low)
        copy = copied(node)
        before = []
        for index, ok in enumerate(able.inputs):
            if ok:
                name, casts = self._input(scope, node.input[index], node.name)
                copy.input[index] = name
                before += casts
        after: list[onnx.NodeProto] = []
        if not (is_exact(node) and any(able.inputs)):
            for index, ok in enumerate(able.outputs):
                if ok:
                    copy.output[index] = self.fresh(node.output[index], "raw")
                    after += cast_pair(copy.output[index], node.output[index], self.low, self.fresh)
        return before + self._nodes(copy, "low", lossy) + after

    def _input(self, scope: Scope, name: str, node: str) -> tuple[str, list[onnx.NodeProto]]:
        tensor = scope.constant(name)
        if tensor is None:
            target = self.fresh.pair(name, node)
            return target, cast_pair(name, target, self.low, self.fresh)
        if name not in self.rounded:
            rounded = values(cast(tensor, self.low, name)).astype(np.float32)
            self.rounded[name] = numpy_helper.from_array(rounded, self.fresh(name, self.low))
        return self.rounded[name].name, []

    def _nodes(self, node: onnx.NodeProto, branch: Branch, lossy: bool) -> list[onnx.NodeProto]:
        copy = copied(node)
        copy.name = self.fresh(node.name, branch)
        if branch == "low" and can_spell_out(copy, self.analysis.opset):
            return spelt_out(copy, self.low, rounded_at("tensor", self.low), self.analysis.opset, self.fresh)
        return keep_nan(copy, self.analysis.opset, self.fresh) if lossy else [copy]


def _body(branch: Branch, nodes: list[onnx.NodeProto], node: onnx.NodeProto, types: list[int]) -> onnx.GraphProto:
    names = [output for output in node.output if output]
    outputs = [helper.make_tensor_value_info(n, elem, None) for n, elem in zip(names, types, strict=True)]
    return helper.make_graph(nodes, derived(node.name, branch), [], outputs)

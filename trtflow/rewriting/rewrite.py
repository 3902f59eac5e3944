"""The mixed-precision rewrite: precision moves into the graph, as tensor types and Casts.

ONNX GraphSurgeon edits the topology. It gets a bare copy (nodes, names, bodies): types, weights, attributes and
metadata stay with us and are put back by name, because a round trip through GraphSurgeon loses some of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs

from trtflow.emulation.layernorm import sidestep_fusion
from trtflow.emulation.recurrent import can_spell_out
from trtflow.model import constants
from trtflow.model.analysis import Analysis, analyse, is_boundary_cast
from trtflow.model.assignment import Edges, edges
from trtflow.model.edit import FreshNames, fresh_names
from trtflow.model.operators import AS_PRODUCED, RAISED, RECURRENT, listed
from trtflow.model.opset import raise_opset
from trtflow.model.scopes import STANDARD_DOMAINS, Key, Scope, scopes
from trtflow.model.types import DTYPE_ATTRIBUTES, has_default
from trtflow.plan import PrecisionPlan
from trtflow.precision import BF16, FP16, FP32, LOW, ROWS, Precision
from trtflow.rewriting import surgery
from trtflow.rewriting.casts import check_casts
from trtflow.rewriting.promotion import legalized
from trtflow.rewriting.recurrent import shield_recurrent


@dataclass(frozen=True)
class Rewritten:
    """The mixed model, the nodes that stayed FP32 against the plan (with the reason), remarks, the low
    ``recurrent`` nodes whose state the emulator keeps in FP32, and those in FP16 that it computes step by step."""

    model: onnx.ModelProto
    promoted: Mapping[str, str]
    notes: tuple[str, ...]
    recurrent: tuple[str, ...] = ()
    stepped: tuple[str, ...] = ()


def rewrite(model: onnx.ModelProto, plan: PrecisionPlan) -> Rewritten:
    """``model`` with the precisions of ``plan`` as types: builds strongly typed, computes what the emulator says.

    One Cast per tensor and format, shared by all consumers; constants are rounded here, once per format; names
    and types of inputs and outputs, metadata and node names stay. The opset is raised only if a format needs it.

    Raises:
        PlanError: the plan names a node that the model lacks.
        ModelError: the opset cannot be raised.
    """
    before = analyse(model)
    legal = legalized(before, plan)
    assigned = edges(before, legal.plan)
    target, notes = _raised(before, assigned)
    analysis = analyse(target) if target is not model else before
    work = _Work(analysis, assigned, fresh_names(target))
    graph = surgery.bare_graph(target)
    work.edit(analysis.scopes[0], graph)
    mixed = surgery.put_back(graph, target, work.constants, work.retyped)
    _retype_ends(mixed, assigned)
    if sidestep_fusion(mixed):
        notes.append(
            "squares of spelt-out LayerNorms behind a Cast became products: ONNX Runtime's fusion fails there"
        )
    notes.extend(
        f"{name} reads a Cast through a Max that changes nothing: TensorRT-RTX does not build it else"
        for name in shield_recurrent(mixed)
    )
    recurrent = [n for n, low in assigned.outputs.items() if low and before.by_name[n][1].op_type in RECURRENT]
    kept = tuple(n for n in recurrent if not can_spell_out(before.by_name[n][1], before.opset))
    stepped = tuple(n for n in recurrent if n not in kept and FP16 in assigned.outputs[n].values())
    notes.extend(_remarks(before, recurrent, kept))
    check_casts(mixed)
    return Rewritten(mixed, legal.promoted, tuple(notes), kept, stepped)


def _retype_ends(mixed: onnx.ModelProto, assigned: Edges) -> None:
    for scope in scopes(mixed):
        for value in (*scope.graph.input, *scope.graph.output):
            if (scope.path, value.name) in assigned.ends:
                value.type.tensor_type.elem_type = ROWS[assigned.format((scope.path, value.name))].onnx_type


def _remarks(analysis: Analysis, recurrent: Sequence[str], kept: Sequence[str]) -> list[str]:
    """What the reader of the plan must know: low recurrent nodes, those whose state is emulated as FP32 (``kept``),
    and nodes that no plan reaches."""
    foreign = [
        f"{node.domain}.{node.op_type}"
        for _, node in analysis.by_name.values()
        if node.domain not in STANDARD_DOMAINS
    ]
    remarks = []
    if spelt := [name for name in recurrent if name not in kept]:
        remarks.append(
            f"low recurrent nodes ({', '.join(spelt)}): a GPU keeps their state in the low format, and the emulator "
            "rounds it in every step"
        )
    if kept:
        remarks.append(f"the emulator keeps the state of {', '.join(kept)} in FP32: expect several times its error")
    if foreign:
        remarks.append(f"{len(foreign)} nodes of other domains stay FP32: {', '.join(sorted(set(foreign)))}")
    return remarks


def _raised(analysis: Analysis, assigned: Edges) -> tuple[onnx.ModelProto, list[str]]:
    formats = {p for low in (*assigned.inputs.values(), *assigned.outputs.values()) for p in low.values()}
    lacking = {
        analysis.by_name[name][1].op_type
        for name in assigned.inputs
        for precision in {*assigned.inputs[name].values(), *assigned.outputs[name].values()}
        if not listed(analysis.by_name[name][1].op_type, analysis.opset, precision)
    }
    if analysis.opset >= RAISED or not (lacking or BF16 in formats):
        return analysis.model, []
    why = ", ".join(sorted(lacking)) or BF16  # older operators that runtimes expand do so without BF16
    return raise_opset(analysis.model, RAISED), [f"opset {analysis.opset} was raised to {RAISED} for {why}"]


ZERO = onnx.numpy_helper.from_array(np.zeros(1, np.float32))
"""What ConstantOfShape holds when it does not say (ONNX)."""


@dataclass
class _Work:
    """One rewrite in progress: which Casts and constants exist so far, by tensor."""

    analysis: Analysis
    assigned: Edges
    fresh: FreshNames
    copies: dict[Key, dict[Precision, str]] = field(default_factory=dict)
    constants: dict[str, list[onnx.TensorProto]] = field(default_factory=dict)
    retyped: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[Key, gs.Variable] = field(default_factory=dict)
    by_path: dict[str, Scope] = field(init=False)

    def __post_init__(self) -> None:
        self.by_path = {scope.path: scope for scope in self.analysis.scopes}

    def edit(self, main: Scope, graph: gs.Graph) -> None:
        """Rewire all graphs, then add the Casts that turned out to be wanted."""
        pairs = list(surgery.paired(main, graph))
        self.variables.update(surgery.variables(pairs))
        for scope, part in pairs:
            self._split_outputs(scope, part)
        for scope, part in pairs:
            for node in part.nodes:
                self._rewire(scope, node)
        for scope, part in pairs:
            self._place_casts(scope, part)

    def _split_outputs(self, scope: Scope, part: gs.Graph) -> None:
        """A graph output of a low node keeps its name for the FP32 side; the node writes a low tensor."""
        outputs = {v.name for v in scope.graph.output if (scope.path, v.name) not in self.assigned.ends}
        direct = self._needless_casts(scope)
        needless = {node.name for node in direct.values()}
        part.nodes[:] = [node for node in part.nodes if node.name not in needless]
        for node in part.nodes:
            for index, precision in self.assigned.outputs.get(node.name, {}).items():
                name = node.outputs[index].name
                names = self.copies.setdefault((scope.path, name), {precision: name})
                if name in direct or name in outputs:
                    last = direct.get(name)
                    names[precision] = last.output[0] if last else self.fresh(name, precision)
                    if name in outputs:
                        names[FP32] = name
                    node.outputs[index] = self._variable((scope.path, names[precision]))
            self._retype(node)

    def _needless_casts(self, scope: Scope) -> dict[str, onnx.NodeProto]:
        """Boundary Casts to the format that their input is stored in anyway, by the name of that input."""
        return {
            node.input[0]: node
            for node in scope.graph.node
            if is_boundary_cast(scope, node, self.analysis.types)
            and self._elem(scope, node.input[0]) == ROWS[FP32].onnx_type
            and self._elem(scope, node.output[0]) == ROWS[self.assigned.format(scope.key(node.input[0]))].onnx_type
        }

    def _elem(self, scope: Scope, name: str) -> int:
        return self.analysis.types.of(scope, name).elem

    def _retype(self, node: gs.Node) -> None:
        """Attributes that name or hold the type of a low output follow it."""
        low = self.assigned.outputs.get(node.name, {}).get(0)
        if low is None:
            return
        proto = self.analysis.by_name[node.name][1]
        if node.op == "ConstantOfShape":
            held = next((a.t for a in proto.attribute if a.name == "value"), ZERO)
            self.retyped[node.name] = {"value": constants.cast(held, low, held.name)}
        attribute = DTYPE_ATTRIBUTES.get(node.op, "")
        stated = any(a.name == attribute for a in proto.attribute)
        if stated or has_default(node.op, attribute, self.analysis.opset):
            self.retyped[node.name] = {attribute: ROWS[low].onnx_type}

    def _rewire(self, scope: Scope, node: gs.Node) -> None:
        proto = self.analysis.by_name[node.name][1]
        low = self.assigned.inputs.get(node.name, {})
        as_is = proto.domain in STANDARD_DOMAINS and proto.op_type in AS_PRODUCED
        as_is = as_is or is_boundary_cast(scope, proto, self.analysis.types)
        for index, name in enumerate(proto.input):
            if name:
                key = scope.key(name)
                wanted = self.assigned.format(key) if as_is else low.get(index, FP32)
                actual = self._copy(key, wanted)
                if actual != name:
                    node.inputs[index] = self._variable((key[0], actual))

    def _variable(self, key: Key) -> gs.Variable:
        return self.variables.setdefault(key, gs.Variable(key[1]))

    def _copy(self, key: Key, precision: Precision) -> str:
        """The name of the tensor ``key`` in ``precision``."""
        stored = self.assigned.format(key)
        names = self.copies.setdefault(key, self._arrived(key) | {stored: key[1]})
        if precision not in names:
            names[precision] = self.fresh(key[1], precision)
        return names[precision]

    def _arrived(self, key: Key) -> dict[Precision, str]:
        """The low tensor that ``key`` was cast up from, when it comes from an input in a low format."""
        scope = self.by_path[key[0]]
        node = scope.producers.get(key[1])
        if node is None or not is_boundary_cast(scope, node, self.analysis.types):
            return {}
        elem = self._elem(scope, node.input[0])
        return {precision: node.input[0] for precision in LOW if ROWS[precision].onnx_type == elem}

    def _place_casts(self, scope: Scope, part: gs.Graph) -> None:
        given = [name for name, producer in scope.producers.items() if producer is None]
        nodes = self._conversions(scope, given)
        for node in part.nodes:
            nodes.append(node)
            nodes.extend(self._conversions(scope, self.analysis.by_name[node.name][1].output))
        part.nodes[:] = nodes

    def _conversions(self, scope: Scope, names: Iterable[str]) -> list[gs.Node]:
        nodes = []
        for name in names:
            key = (scope.path, name)
            stored = self.assigned.format(key)
            tensor = scope.constants.get(name)
            arrived = self._arrived(key)
            source = next(iter(arrived.values()), self.copies.get(key, {}).get(stored, name))
            for precision, copy in self.copies.get(key, {}).items():
                if precision == stored or precision in arrived:
                    continue
                if tensor is not None:
                    kept = self.constants.setdefault(scope.path, [])
                    kept.append(constants.cast(tensor, precision, copy))
                else:
                    nodes.append(self._cast(scope, source, copy, precision))
        return nodes

    def _cast(self, scope: Scope, source: str, target: str, precision: Precision) -> gs.Node:
        return gs.Node(
            "Cast",
            self.fresh(target, "cast"),
            {"to": ROWS[precision].onnx_type},
            [self._variable((scope.path, source))],
            [self._variable((scope.path, target))],
        )

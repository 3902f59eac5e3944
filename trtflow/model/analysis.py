"""The nodes whose precision can be chosen, and why the others' cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx

from trtflow.errors import ModelError
from trtflow.model import operators as slots
from trtflow.model.scopes import CONTROL_FLOW, STANDARD_DOMAINS, Key, Scope, is_constant, opset, scopes
from trtflow.model.types import Types, infer
from trtflow.precision import FLOAT_TYPES, LOW, Precision

SHAPE_ARITHMETIC = frozenset(
    {
        *("Abs", "Add", "Cast", "Ceil", "Clip", "Concat", "ConstantOfShape", "Div", "Exp", "Expand", "Floor"),
        *("Gather", "GatherElements", "GatherND", "Identity", "Log", "Max", "Min", "Mod", "Mul", "Neg", "Not"),
        *("Pow", "Range", "Reciprocal", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "Reshape", "Round"),
        *("Sign", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tile", "Transpose", "Unsqueeze", "Where"),
    }
)
"""What exporters compute sizes and indices with. The backward slice stops at anything else, or a token index
that an ArgMax takes from the logits would make the whole network a shape chain."""


@dataclass(frozen=True)
class NodeInfo:
    """A node whose precision can be chosen. ``scope`` is "" in the main graph, else the path of the body."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    domain: str
    scope: str


@dataclass(frozen=True)
class Analysis:
    """What every pass over a model needs: its scopes, types, and candidates with their slots."""

    model: onnx.ModelProto
    opset: int
    scopes: tuple[Scope, ...]
    types: Types
    candidates: tuple[NodeInfo, ...]
    by_name: Mapping[str, tuple[Scope, onnx.NodeProto]]

    def low_slots(self, node: str, precision: Precision) -> slots.Slots:
        """The FP32 tensors among the inputs and outputs of the candidate ``node`` that ``precision`` can take."""
        scope, proto = self.by_name[node]
        return float_slots(scope, proto, self.types, self.opset, precision)


def candidates(model: onnx.ModelProto) -> tuple[NodeInfo, ...]:
    """The nodes of ``model`` whose precision can be chosen, in topological order, bodies behind their owner.

    A candidate is a standard operator that reads or writes an FP32 tensor in a slot that some low format may
    take, and is no part of the arithmetic on shapes and indices.

    Raises:
        ModelError: a node has no name, or the name of another.
    """
    return analyse(model).candidates


def analyse(model: onnx.ModelProto) -> Analysis:
    """Scopes, types and candidates of ``model``.

    Raises:
        ModelError: a node has no name, or the name of another.
    """
    found = scopes(model)
    by_name = _by_name(found)
    types = infer(model)
    version = opset(model)
    chains = shape_chains(found)
    chosen = tuple(
        NodeInfo(node.name, node.op_type, tuple(node.input), tuple(node.output), node.domain, scope.path)
        for scope, node in by_name.values()
        if node.name not in chains and _is_candidate(scope, node, types, version)
    )
    return Analysis(model, version, tuple(found), types, chosen, by_name)


def _by_name(found: list[Scope]) -> dict[str, tuple[Scope, onnx.NodeProto]]:
    by_name: dict[str, tuple[Scope, onnx.NodeProto]] = {}
    for scope in found:
        for node in scope.graph.node:
            if not node.name or node.name in by_name:
                what = f"two nodes are called {node.name!r}" if node.name else f"a {node.op_type} node has no name"
                raise ModelError(f"{what}; node names must be unique: load the model with trtflow.model.load")
            by_name[node.name] = (scope, node)
    return by_name


def _is_candidate(scope: Scope, node: onnx.NodeProto, types: Types, version: int) -> bool:
    if node.domain not in STANDARD_DOMAINS or node.op_type in CONTROL_FLOW | slots.AS_PRODUCED:
        return False
    if is_constant(node) or is_boundary_cast(scope, node, types):
        return False
    for precision in LOW:
        low = float_slots(scope, node, types, version, precision)
        if any((*low.inputs, *low.outputs)):
            return True
    return False


def is_boundary_cast(scope: Scope, node: onnx.NodeProto, types: Types) -> bool:
    """Whether ``node`` casts between FP32 and another float format: it keeps an input's or output's own type."""
    if node.op_type != "Cast" or node.domain not in STANDARD_DOMAINS:
        return False
    ends = {types.of(scope, node.input[0]).elem, types.of(scope, node.output[0]).elem}
    return ends <= FLOAT_TYPES | {onnx.TensorProto.DOUBLE} and bool(ends - {onnx.TensorProto.FLOAT})


def float_slots(scope: Scope, node: onnx.NodeProto, types: Types, version: int, precision: Precision) -> slots.Slots:
    """The slots of ``node`` that hold FP32 tensors and may hold ``precision``.

    None when a tensor in such a slot has no known type. Slots that share a type variable with an FP32 tensor that
    must stay FP32 stay FP32 as well.
    """
    able = slots.slots(node, version, precision)
    given, made = slots.variables(node, version)
    sides = ((able.inputs, node.input, given), (able.outputs, node.output, made))
    if any(ok and not types.of(scope, n).elem for oks, names, _ in sides for ok, n in zip(oks, names, strict=True)):
        return slots.Slots((False,) * len(node.input), (False,) * len(node.output))
    tied = {
        variable
        for oks, names, own in sides
        for ok, name, variable in zip(oks, names, own, strict=True)
        if variable and name and not ok and types.of(scope, name).is_float
    }
    inputs, outputs = (
        tuple(
            ok and variable not in tied and types.of(scope, name).is_float
            for ok, name, variable in zip(oks, names, own, strict=True)
        )
        for oks, names, own in sides
    )
    return slots.Slots(inputs, outputs)


def shape_chains(found: list[Scope]) -> frozenset[str]:
    """Names of the nodes that compute sizes or indices: the backward slice from every slot that consumes one."""
    pending = [
        (scope, name)
        for scope in found
        for node in scope.graph.node
        if node.domain in STANDARD_DOMAINS
        for index, name in enumerate(node.input)
        if name and _consumes_shape(node, index)
    ]
    chain: set[str] = set()
    seen: set[Key] = set()
    while pending:
        scope, name = pending.pop()
        home = scope.home(name)
        if home is None or (home.path, name) in seen:
            continue
        seen.add((home.path, name))
        node = home.producers[name]
        if node is not None and node.op_type in SHAPE_ARITHMETIC and node.domain in STANDARD_DOMAINS:
            chain.add(node.name)
            pending.extend((home, source) for source in node.input if source)
    return frozenset(chain)


def _consumes_shape(node: onnx.NodeProto, index: int) -> bool:
    return index in slots.SHAPE_INPUTS.get(node.op_type, ()) or index in slots.INDEX_INPUTS.get(node.op_type, ())

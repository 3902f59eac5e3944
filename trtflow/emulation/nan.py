"""NaN through operators whose ONNX Runtime CPU kernel loses it.

GPU kernels return NaN where a window or a reduced axis holds one; the CPU kernels of the operators below compare
with ``>`` and so drop it, ReduceMax for most shapes and axes. Where GPU kernels differ among themselves, NaN is kept:
the emulator is to be no more hopeful than an engine. ``docs/nan.md`` has what each operator does on a CPU and on a
GPU, as ``benchmarks/nan_table.py`` measures it, and a test holds every other operator to keeping NaN.

The cure costs one read of the input: the sum of all elements is NaN when one of them is, so an If takes the slow
way only then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import TensorProto, helper

from trtflow.model.edit import FreshNames, copied
from trtflow.model.scopes import STANDARD_DOMAINS, Scope
from trtflow.model.types import Types
from trtflow.precision import FLOAT_TYPES

MARKED_BY: Mapping[str, str] = {
    "GlobalMaxPool": "GlobalMaxPool",
    "MaxPool": "MaxPool",
    "MaxRoiPool": "MaxRoiPool",
    "ReduceMax": "ReduceMax",
    "ReduceMin": "ReduceMax",
    "RoiAlign": "RoiAlign",
    "ScatterElements": "ScatterElements",
    "ScatterND": "ScatterND",
}
"""Operators that select, and those that find where a NaN was: applied to 1 for NaN and 0 else, these give 1."""

ATTRIBUTES: Mapping[str, tuple[str, tuple[bytes, ...]]] = {
    "RoiAlign": ("mode", (b"max",)),
    "ScatterElements": ("reduction", (b"max", b"min")),
    "ScatterND": ("reduction", (b"max", b"min")),
}
"""Those of them that select only under a value of an attribute."""

SELECTED_FROM: Mapping[str, tuple[int, ...]] = {"ScatterElements": (0, 2), "ScatterND": (0, 2)}
"""The inputs that an operator selects from, where they are not the first alone."""

THRESHOLDS = frozenset({"Shrink", "ThresholdedRelu"})
"""Elementwise operators that give 0 where no comparison holds."""


def loses_nan(scope: Scope, node: onnx.NodeProto, types: Types) -> bool:
    """Whether ``node`` must go through ``keep_nan``; of its types only floats hold NaN."""
    if node.domain not in STANDARD_DOMAINS or not _is_lossy(node):
        return False
    return types.of(scope, node.input[0]).elem in FLOAT_TYPES


def _is_lossy(node: onnx.NodeProto) -> bool:
    if node.op_type in ATTRIBUTES:
        name, values = ATTRIBUTES[node.op_type]
        return any(text in values for text in _texts(node, name))
    if node.op_type == "RNN":  # beside other activations than these, a Relu has no alpha of its own
        names = _texts(node, "activations")
        return b"Relu" in names and {*names} <= {b"Relu", b"Sigmoid", b"Tanh"}
    return node.op_type in MARKED_BY or node.op_type in THRESHOLDS


def keep_nan(node: onnx.NodeProto, version: int, fresh: FreshNames) -> list[onnx.NodeProto]:
    """Nodes that compute what ``node``, which ``loses_nan``, computes, with NaN kept.

    Indices, where a MaxPool returns them, stay what they are. So does a node below opset 9, which has no IsNaN.
    """
    if node.op_type == "RNN":
        return [_without_relu(node)]
    if version < 9:
        return [node]
    return _around(node, fresh) if node.op_type in THRESHOLDS else _guarded(node, fresh)


def _around(node: onnx.NodeProto, fresh: FreshNames) -> list[onnx.NodeProto]:
    """Lead the NaNs around ``node``."""
    source, target = node.input[0], node.output[0]
    isnan = fresh(target, "isnan")
    nodes, (plain,) = _plain(node, fresh)
    return [
        *nodes,
        helper.make_node("IsNaN", [source], [isnan], fresh(isnan)),
        helper.make_node("Where", [isnan, source, plain], [target], fresh(node.name, "careful")),
    ]


def _guarded(node: onnx.NodeProto, fresh: FreshNames) -> list[onnx.NodeProto]:
    """Let ``node`` be as it is unless what it selects from may hold a NaN."""
    total, suspect = fresh.each(node.output[0], "sum", "suspect")
    sums = {fresh(name, "sum"): name for name in _sources(node)}
    reduced = [
        helper.make_node("ReduceSum", [name], [made], fresh(node.name, "sum"), keepdims=0)
        for made, name in sums.items()
    ]
    return [
        *reduced,
        helper.make_node("Sum", list(sums), [total], fresh(node.name, "sum")),
        helper.make_node("IsNaN", [total], [suspect], fresh(node.name, "suspect")),
        helper.make_node(
            "If",
            [suspect],
            [name for name in node.output if name],
            fresh(node.name, "if"),
            then_branch=_body("careful", *_careful(node, fresh)),
            else_branch=_body("plain", *_plain(node, fresh)),
        ),
    ]


def _careful(node: onnx.NodeProto, fresh: FreshNames) -> tuple[list[onnx.NodeProto], list[str]]:
    """Select among the values and, as ones and zeros, among where the NaNs are."""
    marked, hit, nan, result = fresh.each(node.output[0], "marked", "hit", "nan", "careful")
    marks = {name: _marks(name, fresh) for name in _sources(node)}
    marking = _renamed(node, {name: made[-1].output[0] for name, made in marks.items()}, [marked], fresh)
    _seek_ones(marking)
    plain, (selected, *others) = _plain(node, fresh)
    nodes = [
        *(made for pair in marks.values() for made in pair),
        marking,
        helper.make_node("Cast", [marked], [hit], fresh(hit), to=TensorProto.BOOL),
        *plain,
        helper.make_node("Constant", [], [nan], fresh(nan), value=helper.make_tensor("", 1, [], [float("nan")])),
        helper.make_node("Where", [hit, nan, selected], [result], fresh(result)),
    ]
    return nodes, [result, *others]


def _seek_ones(node: onnx.NodeProto) -> None:
    node.op_type = MARKED_BY[node.op_type]
    for attribute in node.attribute:
        if attribute.name == "reduction":
            attribute.s = b"max"


def _sources(node: onnx.NodeProto) -> list[str]:
    return list(dict.fromkeys(node.input[index] for index in SELECTED_FROM.get(node.op_type, (0,))))


def _marks(source: str, fresh: FreshNames) -> list[onnx.NodeProto]:
    isnan, marks = fresh.each(source, "isnan", "marks")
    return [
        helper.make_node("IsNaN", [source], [isnan], fresh(isnan)),
        helper.make_node("Cast", [isnan], [marks], fresh(marks), to=TensorProto.FLOAT),
    ]


def _plain(node: onnx.NodeProto, fresh: FreshNames) -> tuple[list[onnx.NodeProto], list[str]]:
    outputs = [fresh(name, "plain") for name in node.output if name]
    return [_renamed(node, {}, outputs, fresh)], outputs


def _renamed(
    node: onnx.NodeProto, inputs: Mapping[str, str], outputs: Sequence[str], fresh: FreshNames
) -> onnx.NodeProto:
    copy = copied(node)
    copy.name = fresh.pair(node.name, outputs[0])
    copy.input[:] = [inputs.get(name, name) for name in node.input]
    copy.output[:] = outputs
    return copy


def _body(name: str, nodes: Sequence[onnx.NodeProto], outputs: Sequence[str]) -> onnx.GraphProto:
    """A branch that returns what was selected and, of a MaxPool, the indices."""
    types = (TensorProto.FLOAT, TensorProto.INT64)[: len(outputs)]
    returned = [helper.make_tensor_value_info(n, t, None) for n, t in zip(outputs, types, strict=True)]
    return helper.make_graph(nodes, name, [], returned)


def _without_relu(node: onnx.NodeProto) -> onnx.NodeProto:
    """An RNN whose Relus, which make 0 of NaN, are Elus of alpha 0: below zero, 0 · (exp(x) − 1) is 0 as well."""
    copy = copied(node)
    names = [b"Elu" if name == b"Relu" else name for name in _texts(node, "activations")]
    changed = {"activations": names, "activation_alpha": [0.0] * names.count(b"Elu")}
    kept = [a for a in node.attribute if a.name not in changed]
    del copy.attribute[:]
    copy.attribute.extend([*kept, *(helper.make_attribute(name, value) for name, value in changed.items())])
    return copy


def _texts(node: onnx.NodeProto, name: str) -> list[bytes]:
    return [text for a in node.attribute if a.name == name for text in (a.strings or [a.s])]

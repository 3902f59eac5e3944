"""What stands between a Cast and a recurrent operator in FP32: TensorRT-RTX moves the Cast into the loop, and fails.

TensorRT-RTX 1.7.1 says "Mismatched number of elements in reshape op" of each LSTM, GRU and RNN of several steps that
reads, moved or not, what was cast up. Behind an operator that computes something it builds, and the larger of a value
and itself is that value. A Cast down in front of a low one builds.
"""

from __future__ import annotations

import onnx
from onnx import helper

from trtflow.model.edit import fresh_names, replace_nodes
from trtflow.model.operators import RECURRENT
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, scopes
from trtflow.model.types import Types, infer
from trtflow.precision import LOW, OF_TYPE

_MOVES = frozenset(
    {
        *("Concat", "Expand", "Flatten", "Gather", "Identity", "MaxPool", "Pad", "Reshape", "Slice", "Split"),
        *("Squeeze", "Tile", "Transpose", "Unsqueeze"),
    }
)


def shield_recurrent(mixed: onnx.ModelProto) -> list[str]:
    """Put a Max that changes nothing before each FP32 recurrent node of ``mixed`` that reads what was cast up.

    Returns the names of these nodes.
    """
    found = [scope for scope in scopes(mixed) if any(map(_is_recurrent, scope.graph.node))]
    if not found:
        return []
    types, fresh = infer(mixed), fresh_names(mixed)
    shielded: list[str] = []
    for scope in found:
        nodes: list[onnx.NodeProto] = []
        for node in scope.graph.node:
            if _is_recurrent(node) and _cast_up(scope, node.input[0], types):
                read, held = node.input[0], fresh(node.input[0], "held")
                nodes.append(helper.make_node("Max", [read, read], [held], fresh(node.name, "hold")))
                node.input[0] = held
                shielded.append(node.name)
            nodes.append(node)
        replace_nodes(scope.graph, nodes)
    return shielded


def _is_recurrent(node: onnx.NodeProto) -> bool:
    return node.op_type in RECURRENT and node.domain in STANDARD_DOMAINS


def _cast_up(scope: Scope, name: str, types: Types) -> bool:
    """Whether ``name`` holds what a Cast made FP32 of a low format, moved about at most."""
    pending = [name]
    while pending:
        name = pending.pop()
        node = scope.producer(name)
        if node is None or node.domain not in STANDARD_DOMAINS:
            continue
        if node.op_type in _MOVES:
            pending.extend(node.input if node.op_type == "Concat" else node.input[:1])
        elif node.op_type == "Cast" and OF_TYPE.get(types.of(scope, node.input[0]).elem) in LOW:
            return OF_TYPE.get(types.of(scope, node.output[0]).elem) not in LOW
    return False

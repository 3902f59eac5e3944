"""Which layers of a quantized file compute in eight bits as it stands, and what the others lack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import onnx

from trtflow.model.analysis import Analysis
from trtflow.model.dequantized import MOVES
from trtflow.model.scopes import Scope
from trtflow.precision import ROWS, Quantized
from trtflow.qdq.placement import BARRIERS, LINEAR


@dataclass(frozen=True)
class HeldLayer:
    """A node of the main graph that multiplies and adds.

    ``precision`` is that of the codes where both operands have a pair, else None, and ``lacks`` says why.
    ``dequantizers``: the nodes in front of it that would go with its pairs.
    """

    node: str
    op: str
    precision: Quantized | None
    lacks: str
    dequantizers: tuple[str, ...]


def holds_pairs(analysis: Analysis) -> bool:
    """Whether anything in the model is quantized by a QuantizeLinear: then none is added."""
    return any(node.op_type == "QuantizeLinear" for _, node in analysis.by_name.values())


def held_layers(analysis: Analysis) -> tuple[HeldLayer, ...]:
    """Every node of the main graph that multiplies and adds, in topological order."""
    return tuple(
        _layer(analysis, analysis.by_name[info.name][1])
        for info in analysis.candidates
        if info.op in BARRIERS and not info.scope
    )


def _layer(analysis: Analysis, node: onnx.NodeProto) -> HeldLayer:
    main = analysis.scopes[0]
    found = [dequantizer(main, name) for name in node.input if name]
    names = tuple(entry.name for entry in found if entry is not None)
    if node.op_type not in LINEAR:
        return HeldLayer(node.name, node.op_type, None, f"no engine has {node.op_type} in eight bits", names)
    operands = dict(zip(("its input", "its weights"), found[:2], strict=True))
    missing = [side for side, entry in operands.items() if entry is None]
    kinds = {_codes(analysis, main, entry) for entry in operands.values() if entry is not None}
    if missing:
        lacks = f"no pair on {' or on '.join(missing)}"
    elif len(kinds) > 1 or None in kinds:
        lacks = "its operands have codes that do not go together"
    else:
        return HeldLayer(node.name, node.op_type, kinds.pop(), "", names)
    return HeldLayer(node.name, node.op_type, None, lacks, names)


def dequantizer(main: Scope, name: str) -> onnx.NodeProto | None:
    """The DequantizeLinear that ``name`` comes from, through operators that only move values."""
    node = main.producer(name)
    while node is not None and node.op_type in MOVES:
        node = main.producer(node.input[0])
    return node if node is not None and node.op_type == "DequantizeLinear" else None


def _codes(analysis: Analysis, main: Scope, node: onnx.NodeProto) -> Quantized | None:
    elem = analysis.types.of(main, node.input[0]).elem
    return next((precision for precision in get_args(Quantized) if ROWS[precision].onnx_type == elem), None)

"""What quantization a model holds already, and which of it TensorRT does not take.

What is taken stands in TensorRT's documentation, "Working with Quantized Types": symmetric, signed INT8, FP8 (E4M3)
and FP4 (E2M1), and INT4 for weights. TensorRT-RTX 1.7.1 was given a graph of each kind that is refused here: it built
none but UINT8 activations without a zero point, or one of 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto

from trtflow.files.quantization import Codes, Obstacle, Quantization, Role, Zero
from trtflow.model.analysis import Analysis
from trtflow.model.constants import values
from trtflow.model.scopes import STANDARD_DOMAINS, Scope
from trtflow.model.types import attribute_int

TAKEN = frozenset({TensorProto.INT8, TensorProto.FLOAT8E4M3FN, TensorProto.INT4, TensorProto.FLOAT4E2M1})
WEIGHTS_ONLY = frozenset({TensorProto.INT4})
DOMAINS = STANDARD_DOMAINS | {"com.microsoft"}
ON_CODES = frozenset(
    {
        *("ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul"),
        *("MatMulIntegerToFloat", "MatMulNBits", "MatMulBnb4", "GatherBlockQuantized", "QAttention", "QGemm", "QMoE"),
        "QEmbedLayerNormalization",
    }
)
"""Operators that take or make codes themselves, beside all whose names begin with QLinear."""


def recognised(analysis: Analysis) -> Quantization:
    """What quantization the model of ``analysis`` holds."""
    codes: Counter[Codes] = Counter()
    operators: Counter[str] = Counter()
    refused: list[tuple[onnx.NodeProto, str]] = []
    for scope, node in _nodes(analysis):
        if computes_on_codes(node):
            operators[node.op_type] += 1
            refused.append((node, "it computes on codes, which TensorRT knows only between Q/DQ pairs"))
        elif is_pair(node):
            found = _described(analysis, scope, node)
            codes[found] += node.op_type == "DequantizeLinear"
            why = _refused(found)
            refused += [(node, why)] if why else []
    counted = tuple(entry.model_copy(update={"count": count}) for entry, count in codes.items() if count)
    return Quantization(codes=counted, operators=dict(operators), obstacle=_first(refused))


def is_pair(node: onnx.NodeProto) -> bool:
    """Whether ``node`` is a QuantizeLinear or a DequantizeLinear."""
    return node.op_type in ("QuantizeLinear", "DequantizeLinear") and node.domain in DOMAINS


def computes_on_codes(node: onnx.NodeProto) -> bool:
    """Whether ``node`` takes or makes codes and belongs to no pair."""
    return (node.op_type in ON_CODES or node.op_type.startswith("QLinear")) and node.domain in DOMAINS


def _nodes(analysis: Analysis) -> Iterator[tuple[Scope, onnx.NodeProto]]:
    return ((scope, node) for scope in analysis.scopes for node in scope.graph.node)


def _first(refused: list[tuple[onnx.NodeProto, str]]) -> Obstacle | None:
    if not refused:
        return None
    node, why = refused[0]
    pairs = all(is_pair(other) for other, _ in refused)
    return Obstacle(node=node.name, op=node.op_type, why=why, count=len(refused), pairs=pairs)


def _described(analysis: Analysis, scope: Scope, node: onnx.NodeProto) -> Codes:
    quantizes = node.op_type == "QuantizeLinear"
    made = node if quantizes else scope.producer(node.input[0])
    encoded = made is not None and is_pair(made)
    source = made.input[0] if made is not None and encoded else node.input[0]
    told = node.input[2:] or (node.output[:1] if quantizes else node.input[:1])
    elem = analysis.types.of(scope, told[0]).elem
    return Codes(
        role=_role(scope.constant(source), elem),
        type=TensorProto.DataType.Name(elem).lower(),
        scales=_scales(analysis, scope, node),
        zero=_zero(scope, node),
        encoded=encoded,
        count=0,
    )


def _role(constant: onnx.TensorProto | None, elem: int) -> Role:
    if elem == TensorProto.INT32:  # what ONNX allows for biases, the sums of INT8 products
        return "biases"
    return "activations" if constant is None else "weights"


def _scales(analysis: Analysis, scope: Scope, node: onnx.NodeProto) -> str:
    block = attribute_int(node, "block_size")
    if block:
        return f"one per {block} values"
    shape = analysis.types.of(scope, node.input[1]).shape
    return "one per channel" if shape and shape != (1,) else "one per tensor"


def _zero(scope: Scope, node: onnx.NodeProto) -> Zero:
    if len(node.input) < 3 or not node.input[2]:
        return "0"
    held = scope.constant(node.input[2])
    if held is None:
        return "computed"
    return "not 0" if values(held).astype(np.float32).any() else "0"


def _refused(found: Codes) -> str:
    """Why TensorRT does not take such a node; empty where it does."""
    elem = TensorProto.DataType.Value(found.type.upper())
    if found.role == "biases":
        return "a bias in INT32 codes; TensorRT takes biases in floating point"
    if elem not in TAKEN:
        return f"{found.type.upper()} codes; TensorRT takes signed INT8, FP8 (E4M3) and FP4, and INT4 for weights"
    if found.zero != "0":
        return "a zero point other than 0; TensorRT takes symmetric quantization only"
    if elem in WEIGHTS_ONLY and found.role == "activations":
        return f"{found.type.upper()} activations; TensorRT takes this type for weights only"
    return ""

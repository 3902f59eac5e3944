"""Why nothing of a model can be quantized, although it may have operators that could be."""

from __future__ import annotations

import onnx

from trtflow.model.analysis import Analysis
from trtflow.model.scopes import Scope
from trtflow.qdq.placement import LINEAR


def why_unsuited(analysis: Analysis) -> str:
    """Why ``analysis`` has no place for Q/DQ pairs, as a sentence without its end: each reason with one node."""
    found = [entry for entry in analysis.by_name.values() if entry[1].op_type in LINEAR]
    if not found:
        return "it has no Conv, ConvTranspose, Gemm or MatMul"
    open_ones = frozenset(info.name for info in analysis.candidates)
    reasons: dict[str, str] = {}
    for scope, node in found:
        reasons.setdefault(_why(scope, node, open_ones), f"{node.op_type} '{node.name}'")
    return "; ".join(f"{node} {why}" for why, node in reasons.items())


def _why(scope: Scope, node: onnx.NodeProto, candidates: frozenset[str]) -> str:
    """What keeps a pair from ``node``."""
    computed = [scope.constant(name) is None for name in node.input[:2]]
    if scope.path:
        return "lies in a body of If, Loop or Scan, over whose border TensorRT fuses no pair"
    if node.name not in candidates:
        return "does not compute in FP32"
    if not any(computed):
        return "reads constants alone"
    if all(computed) and node.op_type != "MatMul":
        return "has weights that are computed or fed; expected constants, which become codes"
    return "reads what a Pad returns to others, too, so that no pair fits before the Pad"

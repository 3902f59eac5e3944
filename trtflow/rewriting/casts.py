"""What must hold of the Casts of every rewritten graph, checked after each rewrite."""

from __future__ import annotations

import onnx

from trtflow.errors import ModelError
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, scopes
from trtflow.model.types import Types, infer
from trtflow.precision import FLOAT_TYPES


def check_casts(model: onnx.ModelProto) -> None:
    """Check that every Cast of ``model`` is needed.

    There is no chain of Casts between float formats (FP32 → FP16 → FP32 rounds for nothing, FP16 → FP32 → FP16
    is nothing), no Cast to the type that the tensor has, and one Cast per tensor and format in a graph.

    Raises:
        ModelError: a Cast undoes another, does nothing, or does what another does.
    """
    types = infer(model)
    for scope in scopes(model):
        seen: dict[tuple[str, int], str] = {}
        for node in scope.graph.node:
            if _is_float_cast(scope, node, types):
                _check(scope, node, types, seen)


def _is_float_cast(scope: Scope, node: onnx.NodeProto | None, types: Types) -> bool:
    if node is None or node.op_type != "Cast" or node.domain not in STANDARD_DOMAINS:
        return False
    return {types.of(scope, node.input[0]).elem, types.of(scope, node.output[0]).elem} <= FLOAT_TYPES


def _check(scope: Scope, node: onnx.NodeProto, types: Types, seen: dict[tuple[str, int], str]) -> None:
    source, to = node.input[0], types.of(scope, node.output[0]).elem
    if types.of(scope, source).elem == to:
        raise ModelError(f"Cast {node.name} does nothing: {source} has that type already (a bug of the rewrite)")
    if _is_float_cast(scope, scope.producer(source), types):
        raise ModelError(f"Cast {node.name} follows another Cast, which made {source} (a bug of the rewrite)")
    twin = seen.setdefault((source, to), node.name)
    if twin != node.name:
        raise ModelError(f"Casts {twin} and {node.name} do the same to {source} (a bug of the rewrite)")

"""A side step around ONNX Runtime's LayerNormFusion.

The fusion (seen in 1.32, every level from basic on) takes a Cast in front of a spelt-out LayerNorm into the fused
node when nothing else reads that Cast, and then fails to load the model: "Type parameter (T) … bound to different
types". It looks for Pow(x - mean, 2). The product (x - mean) · (x - mean) is the same number and no such pattern.
"""

from __future__ import annotations

import onnx

from trtflow.model.constants import values
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, scopes


def sidestep_fusion(model: onnx.ModelProto) -> int:
    """Turn the squares that would be fused with a Cast into products, in place; how many there were."""
    return sum(_sidestep(scope, node) for scope in scopes(model) for node in scope.graph.node)


def _sidestep(scope: Scope, node: onnx.NodeProto) -> bool:
    if node.op_type != "Pow" or node.domain not in STANDARD_DOMAINS:
        return False
    centred = scope.producer(node.input[0])
    if centred is None or centred.op_type != "Sub" or not _is_two(scope, node.input[1]):
        return False
    source = scope.producer(centred.input[0])
    if source is None or source.op_type != "Cast":
        return False
    node.op_type, node.input[1] = "Mul", node.input[0]
    return True


def _is_two(scope: Scope, name: str) -> bool:
    """Whether ``name`` is the constant 2, which every format holds, behind any number of Casts."""
    producer = scope.producer(name)
    while producer is not None and producer.op_type == "Cast":
        name = producer.input[0]
        producer = scope.producer(name)
    tensor = scope.constant(name)
    return tensor is not None and bool((values(tensor) == 2).all())

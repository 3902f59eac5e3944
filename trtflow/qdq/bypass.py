"""Q/DQ pairs out of a graph again: activations pass as they are, weights become the numbers that codes stand for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from trtflow.model.constants import values
from trtflow.model.edit import clone, drop_unread, fresh_names, read_instead, replace_nodes
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, opset, scopes
from trtflow.precision import FP32, ROWS

REFERENCE = 19
"""The oldest opset in which onnx's reference evaluator knows DequantizeLinear; older ones mean the same."""


def without_pairs(model: onnx.ModelProto, only: Collection[str] | None = None) -> tuple[onnx.ModelProto, int]:
    """``model`` in floating point, and how many DequantizeLinear nodes went; ``only`` those of the given names.

    Those go that read constant codes or a QuantizeLinear; others read what was computed on codes. A QuantizeLinear
    whose least code stands for 0 leaves a Relu: ONNX Runtime's quantizer takes out the one that was there.
    """
    copy = clone(model)
    main, fresh = scopes(copy)[0], fresh_names(copy)
    sources: dict[str, str] = {}
    nodes: list[onnx.NodeProto] = []
    for node in main.graph.node:
        maker = main.producer(node.input[0]) if _goes(node, only) else None
        if _goes(node, only) and main.constant(node.input[0]) is not None:
            source = fresh(node.output[0], "weight")
            main.graph.initializer.append(_decoded(main, node, opset(copy), source))
        elif maker is not None and maker.op_type == "QuantizeLinear":
            source = sources.get(maker.input[0], maker.input[0])
            if _starts_at_zero(main, maker):
                passed = fresh(node.output[0], "passed")
                nodes.append(onnx.helper.make_node("Relu", [source], [passed], fresh(node.name, "passed")))
                source = passed
        else:
            nodes.append(node)
            continue
        sources[node.output[0]] = source
    outputs = sorted(sources.keys() & {value.name for value in main.graph.output})
    read_instead(main, sources)
    nodes += [onnx.helper.make_node("Identity", [sources[n]], [n], fresh(n, "through")) for n in outputs]
    replace_nodes(copy.graph, nodes)
    _drop_quantizers(copy)
    return copy, len(sources)


def _goes(node: onnx.NodeProto, only: Collection[str] | None) -> bool:
    is_one = node.op_type == "DequantizeLinear" and node.domain in STANDARD_DOMAINS
    return is_one and (only is None or node.name in only)


def _starts_at_zero(main: Scope, quantizer: onnx.NodeProto) -> bool:
    """Whether the least code of ``quantizer`` stands for 0, as with UINT8 and a zero point of 0."""
    zero = main.constant(quantizer.input[2]) if len(quantizer.input) > 2 else None
    if zero is None:
        return len(quantizer.input) < 3  # UINT8 and 0, says ONNX
    codes = values(zero)
    return codes.dtype.kind in "iu" and bool((codes == np.iinfo(codes.dtype).min).all())


def _drop_quantizers(model: onnx.ModelProto) -> None:
    """Remove those that nobody reads any more, and the constants that they read."""
    read = {name for scope in scopes(model) for node in scope.graph.node for name in node.input}
    read |= {value.name for value in model.graph.output}
    kept = [node for node in model.graph.node if node.op_type != "QuantizeLinear" or node.output[0] in read]
    replace_nodes(model.graph, kept)
    drop_unread(model)


def _decoded(main: Scope, node: onnx.NodeProto, version: int, name: str) -> onnx.TensorProto:
    """What the constant codes that ``node`` reads stand for."""
    held = [_named(main.constant(given), given) for given in node.input if given]
    value = onnx.helper.make_tensor_value_info(node.output[0], ROWS[FP32].onnx_type, None)
    graph = onnx.helper.make_graph([node], "decode", [], [value], held)
    imports = [onnx.helper.make_opsetid("", max(version, REFERENCE))]
    outputs: Any = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=imports)).run(None, {})
    return onnx.numpy_helper.from_array(outputs[0], name)


def _named(tensor: onnx.TensorProto | None, name: str) -> onnx.TensorProto:
    assert tensor is not None  # noqa: S101 - codes are constants here, and ONNX has no grid without a scale
    copy = onnx.TensorProto()
    copy.CopyFrom(tensor)
    copy.name = name
    return copy

"""What runtimes forgive in a file and ONNX's checker does not, spelt as ONNX asks; nothing is computed otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from trtflow.errors import ModelError
from trtflow.model.scopes import STANDARD_DOMAINS, is_constant, opset, scopes
from trtflow.model.types import schema_of

SPELT_OUT = "ai.onnx"
"""ONNX's own domain by its full name. Checker and shape inference know it as the empty one only."""


def respell(model: onnx.ModelProto) -> list[str]:
    """Spell ``model`` as ONNX asks, in place, and say what was changed.

    That is: a name for the graph, the standard domain as the empty one, metadata once by each key (the last one
    counts, as in ONNX Runtime), sparse constants as dense ones, no empty names behind a node's last input or output.

    Raises:
        ModelError: ONNX's operators are imported in two versions.
    """
    return [*_named(model), *_one_domain(model), *_metadata_once(model), *_dense(model), *_trimmed(model)]


def _named(model: onnx.ModelProto) -> list[str]:
    if model.graph.name:
        return []
    model.graph.name = "graph"
    return ["the graph had no name and is called graph"]


def _one_domain(model: onnx.ModelProto) -> list[str]:
    imports = [model.opset_import, *(function.opset_import for function in model.functions)]
    respelt = sum(_import_once(entries) for entries in imports)
    for node in _nodes(model):
        if node.domain == SPELT_OUT:
            node.ClearField("domain")
            respelt += 1
    return [f"the domain {SPELT_OUT} was spelt out and became the empty one, which is the same"] if respelt else []


def _import_once(entries: Any) -> int:
    standard = [entry for entry in entries if entry.domain in STANDARD_DOMAINS]
    versions = list(dict.fromkeys(entry.version for entry in standard))
    if len(versions) > 1:
        raise ModelError(
            f"the model imports ONNX's operators in opset {' and in opset '.join(map(str, versions))}; expected one "
            "version: keep the one that it was exported for in opset_import."
        )
    if [entry.domain for entry in standard] in ([], [""]):
        return 0
    standard[0].domain = ""
    for index in reversed(range(len(entries))):
        if entries[index].domain in STANDARD_DOMAINS and entries[index] is not standard[0]:
            del entries[index]
    return 1


def _nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    for scope in scopes(model):
        yield from scope.graph.node
    for function in model.functions:
        yield from function.node


def _metadata_once(model: onnx.ModelProto) -> list[str]:
    last = {entry.key: entry.value for entry in model.metadata_props}
    again = [key for key, count in Counter(entry.key for entry in model.metadata_props).items() if count > 1]
    if not again:
        return []
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, last)
    return [f"metadata repeated keys ({', '.join(again)}); the last value of each was kept"]


def _dense(model: onnx.ModelProto) -> list[str]:
    made: list[str] = []
    for scope in scopes(model):
        graph = scope.graph
        for sparse in graph.sparse_initializer:
            graph.initializer.append(densified(sparse))
            made.append(sparse.values.name)
        del graph.sparse_initializer[:]
        for node in graph.node:
            for attribute in node.attribute:
                if is_constant(node) and attribute.name == "sparse_value":
                    held = densified(attribute.sparse_tensor)
                    attribute.CopyFrom(onnx.helper.make_attribute("value", held))
                    made.append(node.output[0])
    return [f"sparse constants became dense ones: {', '.join(made)}"] if made else []


def densified(sparse: onnx.SparseTensorProto) -> onnx.TensorProto:
    """The same tensor with its zeros. Indices are flat, or one row of coordinates an element (ONNX)."""
    values, at = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
    dense = np.zeros(tuple(sparse.dims), values.dtype)
    flat = at if at.ndim == 1 else np.ravel_multi_index(tuple(at.T), dense.shape)
    dense.reshape(-1)[flat] = values
    return numpy_helper.from_array(dense, sparse.values.name)


def _trimmed(model: onnx.ModelProto) -> list[str]:
    version, trimmed = opset(model), 0
    for node in _nodes(model):
        schema = schema_of(node.op_type, version) if node.domain in STANDARD_DOMAINS else None
        if schema is not None:
            before = len(node.input) + len(node.output)
            _trim(node.input, schema.min_input)
            _trim(node.output, schema.min_output)
            trimmed += len(node.input) + len(node.output) < before
    return [f"empty names behind the last input or output were dropped (nodes: {trimmed})"] if trimmed else []


def _trim(names: Any, least: int) -> None:
    while len(names) > least and not names[-1]:
        del names[-1]

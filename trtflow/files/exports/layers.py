"""Whose the layers of a parsed network are, and what a weakly typed one is told of a plan.

The exported Polygraphy script carries this text as it stands: it imports nothing but the standard library, and
precisions are TensorRT's own words (``float32``, ``int8``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

MARK = "[ONNX Layer: "
SEPARATORS = ("", "\x1e", "[", " ", ",")  # what may follow the "]" of one mark; "" is the end
FLOATS = {"FLOAT": "float32", "HALF": "float16", "BF16": "bfloat16"}  # the strictest first
WEIGHTED = {"CONVOLUTION", "DECONVOLUTION", "MATRIX_MULTIPLY"}
UNTOLD = {
    "SHAPE", "QUANTIZE", "DEQUANTIZE", "DYNAMIC_QUANTIZE", "TRIP_LIMIT", "RECURRENCE", "ITERATOR", "LOOP_OUTPUT",
    "CONDITION", "CONDITIONAL_INPUT", "CONDITIONAL_OUTPUT",
}  # fmt: skip


class LayerName(NamedTuple):
    """A layer of a parsed network, and the ONNX nodes that it is there for.

    ``role``: own (the parser says so), constant, or helper. ``tensors`` are the ONNX names of its outputs, empty for
    those that ONNX lacks; ``types`` and ``reads`` the types of its outputs and inputs, SHAPE for those of shapes.
    """

    layer: str
    kind: str
    nodes: tuple[str, ...]
    role: str
    tensors: tuple[str, ...]
    types: tuple[str, ...]
    reads: tuple[str, ...]
    engine_layer: str = ""


def nodes_in(metadata: str, nodes: Mapping[str, object]) -> list[str]:
    """The ``nodes`` that ``metadata`` marks, by their exact names, which may hold brackets."""
    if metadata.startswith(MARK) and metadata[len(MARK) : -1] in nodes:
        return [metadata[len(MARK) : -1]]
    found, start = [], metadata.find(MARK)
    while start >= 0:
        start += len(MARK)
        name = next((metadata[start:end] for end in _ends(metadata, start) if metadata[start:end] in nodes), None)
        if name is None and "]" not in metadata[start:]:  # cut at 4,000 characters
            fitting = [node for node in nodes if node.startswith(metadata[start:])]
            name = fitting[0] if len(fitting) == 1 else None
        if name is not None:
            found.append(name)
            start += len(name)
        start = metadata.find(MARK, start)
    return found


def _ends(text: str, start: int) -> Iterator[int]:
    end = text.find("]", start)
    while end >= 0:
        if text[end + 1 : end + 2] in SEPARATORS:
            yield end
        end = text.find("]", end + 1)


def name_layers(
    network: Any, nodes: Mapping[str, Sequence[str]], table: Mapping[str, str] | None = None
) -> list[LayerName]:
    """A row a layer, in the network's order.

    ``nodes``: each ONNX node and the tensors that it makes. ``table``: layer → node as another version of TensorRT
    named them, for layers that say nothing themselves.
    """
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    own = [_own(layer, nodes, table or {}, any(map(_metadata, layers))) for layer in layers]
    served = _served(layers, own, _makers(nodes))
    order = {name: place for place, name in enumerate(nodes)}
    made = {tensor for tensors in nodes.values() for tensor in tensors}
    rows = []
    for layer, said, others in zip(layers, own, served, strict=True):
        kind, outputs = layer.type.name, _tensors(layer.num_outputs, layer.get_output)
        rows.append(
            LayerName(
                layer=layer.name,
                kind=kind,
                nodes=tuple(said or sorted(others, key=order.__getitem__)),
                role="own" if said is not None else "constant" if kind == "CONSTANT" else "helper",
                tensors=tuple(tensor.name if tensor.name in made else "" for tensor in outputs),
                types=tuple(map(_type, outputs)),
                reads=tuple(map(_type, _tensors(layer.num_inputs, layer.get_input))),
            )
        )
    return rows


def _metadata(layer: Any) -> str:
    return getattr(layer, "metadata", "") or ""  # TensorRT has it from 8.6 on


def _own(layer: Any, nodes: Mapping[str, object], table: Mapping[str, str], marked: bool) -> list[str] | None:
    """The nodes that a layer says it is; empty where it is of a node not asked for; None where it says nothing."""
    if MARK in _metadata(layer):
        return nodes_in(_metadata(layer), nodes)
    if marked or layer.type.name == "CONSTANT":
        return None
    name = layer.name if layer.name in nodes else table.get(layer.name)
    return None if name is None else [name]


def _makers(nodes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Tensor → the node that makes it, where just one does: two branches may use one name."""
    makers: dict[str, list[str]] = defaultdict(list)
    for node, tensors in nodes.items():
        for tensor in tensors:
            makers[tensor].append(node)
    return {tensor: found[0] for tensor, found in makers.items() if len(found) == 1}


def _served(layers: Sequence[Any], own: Sequence[list[str] | None], makers: Mapping[str, str]) -> list[set[str]]:
    """Of layers that say nothing: the nodes whose tensors they make, else those that they hand something to."""
    outputs = [[tensor.name for tensor in _tensors(layer.num_outputs, layer.get_output)] for layer in layers]
    source = {name: place for place, names in enumerate(outputs) for name in names}
    served = [set(said or ()) for said in own]
    fixed = [said is not None for said in own]
    for place, names in enumerate(outputs):
        if not fixed[place]:
            served[place] = {makers[name] for name in names if name in makers}
            fixed[place] = bool(served[place])
    waiting = [place for place, nodes in enumerate(served) if nodes]
    while waiting:
        place = waiting.pop()
        for tensor in _tensors(layers[place].num_inputs, layers[place].get_input):
            before = source.get(tensor.name)
            if before is not None and not fixed[before] and not served[place] <= served[before]:
                served[before] |= served[place]
                waiting.append(before)
    return served


def _tensors(count: int, get: Any) -> list[Any]:
    return [tensor for tensor in map(get, range(count)) if tensor is not None]


def _type(tensor: Any) -> str:
    return "SHAPE" if tensor.is_shape_tensor else str(tensor.dtype.name)


def told(
    rows: Sequence[LayerName], precisions: Mapping[str, str], default: str | None
) -> list[tuple[str | None, list[str | None]]]:
    """Per row the precision that the layer computes in, and the type of each output; None: it is not told.

    ``precisions``: node → precision. ``default`` is that of other layers with weights, which TensorRT might run in
    INT8 as well.
    """
    weighted = {node for row in rows if row.role == "own" and row.kind in WEIGHTED for node in row.nodes}
    return [_told(row, precisions, default, weighted) for row in rows]


def _told(
    row: LayerName, precisions: Mapping[str, str], default: str | None, weighted: set[str]
) -> tuple[str | None, list[str | None]]:
    nothing: list[str | None] = [None] * len(row.types)
    asked = {precisions[node] for node in row.nodes if node in precisions}
    if row.kind in WEIGHTED and row.role == "own" and not asked and default:
        asked = {default}
    word = next((word for word in FLOATS.values() if word in asked), None)
    if row.kind in UNTOLD or not asked:
        return None, nothing
    if word is None:  # a quantized node: what moves or adds beside its product has no range
        computes = row.role == "own" and (row.kind in WEIGHTED or not weighted.intersection(row.nodes))
        return (asked.pop() if computes and FLOATS.keys() & {*row.types} else None), nothing
    if row.kind == "CAST":  # its type is given; saying another is an error
        return None, [word if FLOATS.get(kind) == word else None for kind in row.types]
    types = [word if kind in FLOATS else None for kind in row.types]
    computes = row.kind != "CONSTANT" and bool(FLOATS.keys() & {*row.types, *row.reads})
    return (word if computes else None), types


def tell(
    network: Any, module: Any, rows: Sequence[LayerName], precisions: Mapping[str, str], default: str | None
) -> None:
    """Set on ``network``, whose ``rows`` these are, what ``told`` says; ``module`` is TensorRT."""
    for index, (precision, types) in enumerate(told(rows, precisions, default)):
        layer = network.get_layer(index)
        if precision is not None:
            layer.precision = getattr(module, precision)
        for place, kind in enumerate(types):
            if kind is not None:
                layer.set_output_type(place, getattr(module, kind))

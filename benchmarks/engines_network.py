"""A network that TensorRT-RTX's real parser made of a file, and what of a plan is in it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from trtflow.files.exports.layers import LayerName
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, QUANTIZED, ROWS, Precision
from trtflow.trt.names import names_table

NO_LAYER, NO_FLOAT, AGREES = "no layer", "no floats", "as asked"
INSIDE = "fp32 inside"
"""The parser computes it in FP32 between Casts of its own; what it hands on is as asked."""
FLOATS = {row.names.network.upper(): row.name for row in ROWS.values() if row.name not in QUANTIZED}
CODES = {row.names.network.upper(): row.name for row in ROWS.values() if row.name in QUANTIZED}


@dataclass(frozen=True)
class Parsed:
    """The ``network``, its names table, and the seconds that the parser took; ``owners`` keep it alive."""

    network: Any
    rows: tuple[LayerName, ...]
    seconds: float
    owners: tuple[Any, ...]

    @property
    def layers(self) -> int:
        return len(self.rows)

    @property
    def named(self) -> frozenset[str]:
        """The nodes that a layer says it is."""
        return frozenset(node for row in self.rows if row.role == "own" for node in row.nodes)

    @property
    def roles(self) -> Mapping[str, int]:
        """Layers that are a node's own, helpers and constants that serve one, and those that serve none."""
        return Counter(row.role if row.nodes else "none" for row in self.rows)


def parse(path: Path) -> Parsed:
    """Parse ``path``.

    Raises:
        ValueError: the parser refuses it; in its own words.
    """
    import tensorrt_rtx as trt

    started = time.perf_counter()
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, trt.Logger(trt.Logger.ERROR))
    if not parser.parse_from_file(str(path)):
        raise ValueError(parser.get_error(0).desc())
    seconds = time.perf_counter() - started
    return Parsed(network, names_table(network, onnx.load(path)), seconds, (builder, parser))


def answers(parsed: Parsed, plan: PrecisionPlan, nodes: Mapping[str, str]) -> dict[str, str]:
    """What the layers of each of ``nodes`` (name → operator) are typed as: ``AGREES``, or the types instead.

    A node in INT8 or FP8 agrees where a layer of it reads what was dequantized from that type, any other where all
    floats that its layers write are of its precision.
    """
    written: dict[str, set[Precision]] = {node: set() for node in nodes}
    seen = parsed.named
    for node, types in _types(parsed):
        if node in written:
            written[node] |= types
    results = _results(parsed)
    return {
        node: _answer(plan.precision(node), types, results.get(node), node in seen) for node, types in written.items()
    }


def _answer(asked: Precision, types: set[Precision], results: set[Precision] | None, seen: bool) -> str:
    if not seen:
        return NO_LAYER
    if not types:
        return NO_FLOAT
    if asked in types if asked in QUANTIZED else types == {asked}:
        return AGREES
    return INSIDE if types == {FP32} and results == {asked} else "+".join(sorted(types))


def _results(parsed: Parsed) -> dict[str, set[Precision]]:
    """Node → the precisions of the floats among its tensors that ONNX knows."""
    found: dict[str, set[Precision]] = {}
    for row in parsed.rows:
        types = {FLOATS[kind] for name, kind in zip(row.tensors, row.types, strict=True) if name and kind in FLOATS}
        for node in row.nodes if types else ():
            found.setdefault(node, set()).update(types)
    return found


def _types(parsed: Parsed) -> Iterator[tuple[str, set[Precision]]]:
    """Node and precisions, layer by layer: of the floats that it writes, or the codes that it reads dequantized."""
    network = parsed.network
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    codes = {
        layer.get_output(0).name: CODES[layer.get_input(0).dtype.name]
        for layer in layers
        if layer.type.name == "DEQUANTIZE" and layer.get_input(0).dtype.name in CODES
    }
    for layer, row in zip(layers, parsed.rows, strict=True):
        read = (layer.get_input(index) for index in range(layer.num_inputs))
        quantized = {codes[tensor.name] for tensor in read if tensor is not None and tensor.name in codes}
        types = quantized or {FLOATS[kind] for kind in row.types if kind in FLOATS}
        for node in row.nodes if row.role == "own" else ():
            yield node, types

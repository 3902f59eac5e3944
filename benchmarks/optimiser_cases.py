"""What optimised and unoptimised sessions are compared on: operators, Q/DQ kinds and float formats."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import onnx
from conformance_cases import cases as backend_cases
from onnx import TensorProto
from optimiser_nets import IMAGE, PAIRS, PLAIN, ROWS, WEIGHTED, Net, Pattern, Weights, pair

from trtflow.emulation.emulate import instrument
from trtflow.plan import PrecisionPlan

RANDOM = frozenset(
    ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout"]
)
VALUES = ("normal", "wide", "non-finite")
PLACES = ("before", "after", "around", "chain")


@dataclass(frozen=True)
class Grid:
    """Codes of one type: its largest, and the one that stands for zero."""

    type: int
    largest: float
    zero: int = 0


GRIDS = {
    "int8": Grid(TensorProto.INT8, 127),
    "uint8": Grid(TensorProto.UINT8, 255, 128),
    "int16": Grid(TensorProto.INT16, 32767),
    "uint16": Grid(TensorProto.UINT16, 65535, 32768),
    "e4m3": Grid(TensorProto.FLOAT8E4M3FN, 448),
    "e5m2": Grid(TensorProto.FLOAT8E5M2, 57344),
}
SMALL_GRIDS = {"int4": Grid(TensorProto.INT4, 7), "uint4": Grid(TensorProto.UINT4, 15, 8)}


@dataclass(frozen=True)
class Case:
    """A model with values for its inputs."""

    name: str
    model: onnx.ModelProto
    feed: Mapping[str, Any]


def feed(shapes: Mapping[str, tuple[int, ...]], kind: str = "normal") -> dict[str, Any]:
    """Normal numbers; ``wide``: some that FP16 does not hold; ``non-finite``: with a NaN and both infinities."""
    rng = np.random.default_rng(5)
    values = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    for array in values.values():
        if kind == "wide":
            array *= np.float32(10) ** rng.integers(-8, 6, array.shape).astype(np.float32)
        if kind == "non-finite":
            array.ravel()[[3, 70, 200]] = np.nan, np.inf, -np.inf
    return values


def float_weights(net: Net, shape: tuple[int, ...], axis: int) -> str:
    """Weights that are not quantized."""
    return net.normal(*shape)


def quantized_weights(net: Net, grid: Grid, shape: tuple[int, ...], axis: int | None = None, block: int = 0) -> str:
    """Weights behind a DequantizeLinear: one scale, or one for each index of ``axis`` or ``block`` of them."""
    scales: tuple[int, ...] = ()
    if axis is not None:
        scales = tuple(n // block if block and i == axis else n for i, n in enumerate(shape))
        scales = scales if block else (shape[axis],)
    step = np.asarray(net.rng.uniform(0.5, 1, scales) / (grid.largest - grid.zero), np.float32)
    codes = net.rng.uniform(grid.zero * 2 - grid.largest, grid.largest, shape)
    whole = codes if grid.type in (TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E5M2) else np.rint(codes).astype(int)
    more = ({"axis": axis} if axis is not None else {}) | ({"block_size": block} if block else {})
    read = net.constant(np.maximum(whole, 0) if grid.zero else whole, grid.type)
    zero = net.constant(np.full(scales, grid.zero), grid.type)
    return net.op("DequantizeLinear", read, net.constant(step), zero, **more)


def _weights(grid: Grid, per_channel: bool, net: Net, shape: tuple[int, ...], axis: int) -> str:
    return quantized_weights(net, grid, shape, axis if per_channel else None)


def round_trip(net: Net, x: str, grid: Grid, amax: float) -> str:
    """A Q/DQ pair."""
    step, zero = net.constant(np.float32(amax / (grid.largest - grid.zero))), net.constant(grid.zero, grid.type)
    return net.op("DequantizeLinear", net.op("QuantizeLinear", x, step, zero), step, zero)


def placed(pattern: Pattern, place: str, grid: Grid, weights: Weights) -> onnx.ModelProto:
    """``pattern`` with a Q/DQ pair before or after it, around it, or around it and once more behind a Relu."""
    net, x = Net(), "x"
    if place != "after":
        x = round_trip(net, x, grid, 2.53)
    x = pattern(net, x, weights)
    if place != "before":
        x = round_trip(net, x, grid, 2.01)
    if place == "chain":
        x = round_trip(net, round_trip(net, net.op("Relu", x), grid, 1.57), grid, 1.12)
        x = round_trip(net, x, grid, 1.12)
    return net.model({"x": IMAGE}, x)


def quantized_cases(kinds: Sequence[str] = tuple(GRIDS), places: Sequence[str] = PLACES) -> Iterator[Case]:
    """Every pattern with Q/DQ pairs of every kind at every place; weights in FP32, per tensor and per channel."""
    for kind in kinds:
        grid = GRIDS[kind]
        ways: dict[str, Weights] = {
            "": float_weights,
            " per tensor": partial(_weights, grid, False),
            " per channel": partial(_weights, grid, True),
        }
        named: list[tuple[str, Pattern, Weights]] = [
            (name, pattern, float_weights) for name, pattern in PLAIN.items()
        ]
        named += [(name + way, pattern, ways[way]) for name, pattern in WEIGHTED.items() for way in ways]
        for place, (name, pattern, weights) in itertools.product(places, named):
            yield from _fed(f"{name}, {kind} {place}", placed(pattern, place, grid, weights), {"x": IMAGE})


def pair_cases() -> Iterator[Case]:
    """Operators of two activations, with Q/DQ pairs of every kind at every place."""
    for kind, grid in GRIDS.items():
        for place in PLACES[:3]:
            for op in PAIRS:
                net, x, y = Net(), "x", "y"
                if place != "after":
                    x, y = round_trip(net, x, grid, 2.53), round_trip(net, y, grid, 1.91)
                x = pair(net, op, x, y)
                if place != "before":
                    x = round_trip(net, x, grid, 2.01)
                both = {"x": IMAGE, "y": IMAGE}
                yield from _fed(f"{op} of two, {kind} {place}", net.model(both, x), both)


def weight_only_cases() -> Iterator[Case]:
    """Products with weights that alone are quantized: per tensor, per channel, in blocks."""
    how: dict[str, dict[str, int]] = {
        "per tensor": {},
        "per row": {"axis": 0},
        "per column": {"axis": 1},
        "blocks of rows": {"axis": 0, "block": 32},
        "blocks of columns": {"axis": 1, "block": 32},
    }
    for kind, grid in {**GRIDS, **SMALL_GRIDS}.items():
        for way, options in how.items():
            for op in ("MatMul", "MatMul Add", "Gemm", "Gemm transposed", "Transpose MatMul", "Gather MatMul"):
                net = Net()
                output = _product(net, op, quantized_weights(net, grid, (64, 64), **options))
                yield from _fed(f"{op}, {kind} weights {way}", net.model({"x": ROWS}, output), {"x": ROWS})


def _product(net: Net, op: str, weights: str) -> str:
    if op.startswith("Gemm"):
        return net.op("Gemm", "x", weights, transB=int(op == "Gemm transposed"))
    if op == "Transpose MatMul":
        weights = net.op("Transpose", weights)
    if op == "Gather MatMul":
        weights = net.op("Gather", weights, net.ints(*range(63, -1, -1)))
    product = net.op("MatMul", "x", weights)
    return net.op("Add", product, net.normal(64)) if op == "MatMul Add" else product


def float_cases(lows: Sequence[str] = ("fp16", "bf16"), values: Sequence[str] = VALUES) -> Iterator[Case]:
    """Every pattern without quantization, plain and as the emulator rounds it."""
    for name, pattern in {**PLAIN, **WEIGHTED}.items():
        net = Net()
        model = net.model({"x": IMAGE}, pattern(net, "x", float_weights))
        yield from _fed(name, model, {"x": IMAGE}, values)
        for low, rounding in itertools.product(lows, ("tensor", "unit")):
            made = instrument(model, PrecisionPlan(low), rounding)  # type: ignore[arg-type]
            yield from _fed(f"{name}, {low} per {rounding}", made, {"x": IMAGE}, values)


def node_cases() -> Iterator[Case]:
    """The operators of onnx.backend.test that draw no random numbers."""
    for case in backend_cases():
        if case.kind == "light" or RANDOM & {node.op_type for node in case.model.graph.node}:
            continue
        yield Case(f"{case.kind} {case.name}", case.model, case.feed())


def _fed(
    name: str,
    model: onnx.ModelProto,
    shapes: Mapping[str, tuple[int, ...]],
    kinds: Sequence[str] = ("normal", "non-finite"),
) -> Iterator[Case]:
    yield from (Case(f"{name}, {kind} values", model, feed(shapes, kind)) for kind in kinds)

"""Probes of operators that take each element by itself, of one operand and of several."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from nan_probe import Array, Probe, floats, probe

LENGTHS = (1, 3, 8, 17, 64, 1000)
SHAPES = (*((n,) for n in LENGTHS), (2, 3, 17), (1, 3, 8, 64))

Compute = Callable[[Array], Array]
Torch = Callable[[Any, Any], Any]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def steps(x: Array) -> Array:
    """HardSigmoid."""
    return np.clip(0.2 * x + 0.5, 0, 1)


def elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x < 0, alpha * np.expm1(x), x)


def leaky(x: Array, alpha: float = 0.1) -> Array:
    return np.where(x < 0, alpha * x, x)


def above(x: Array) -> Array:
    """ThresholdedRelu, of which ONNX says that it is 0 where ``x > alpha`` does not hold."""
    return np.where(np.isnan(x), x, np.where(x > 0.5, x, 0))


UNARY: dict[str, tuple[dict[str, Any], Compute, Torch]] = {
    "Relu": ({}, lambda x: np.maximum(x, 0), lambda t, x: t.relu(x)),
    "LeakyRelu": ({"alpha": 0.1}, leaky, lambda t, x: t.nn.functional.leaky_relu(x, 0.1)),
    "ThresholdedRelu": ({"alpha": 0.5}, above, lambda t, x: t.nn.functional.threshold(x, 0.5, 0.0)),
    "Elu": ({}, elu, lambda t, x: t.nn.functional.elu(x)),
    "Selu": ({}, lambda x: 1.0507 * elu(x, 1.67326), lambda t, x: t.selu(x)),
    "Celu": ({}, elu, lambda t, x: t.nn.functional.celu(x)),
    "Shrink": (
        {"lambd": 0.5},
        lambda x: np.where(np.abs(x) <= 0.5, 0, x),
        lambda t, x: t.nn.functional.hardshrink(x, 0.5),
    ),
    "HardSigmoid": ({}, steps, lambda t, x: t.clamp(0.2 * x + 0.5, 0, 1)),
    "HardSwish": ({}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1), lambda t, x: t.nn.functional.hardswish(x)),
    "Sigmoid": ({}, sigmoid, lambda t, x: t.sigmoid(x)),
    "Tanh": ({}, np.tanh, lambda t, x: t.tanh(x)),
    "Erf": ({}, np.vectorize(math.erf), lambda t, x: t.erf(x)),
    "Softplus": ({}, lambda x: np.logaddexp(x, 0), lambda t, x: t.nn.functional.softplus(x)),
    "Softsign": ({}, lambda x: x / (1 + np.abs(x)), lambda t, x: t.nn.functional.softsign(x)),
    "Mish": ({}, lambda x: x * np.tanh(np.logaddexp(x, 0)), lambda t, x: t.nn.functional.mish(x)),
    "Exp": ({}, np.exp, lambda t, x: t.exp(x)),
    "Log": ({}, np.log, lambda t, x: t.log(x)),
    "Sqrt": ({}, np.sqrt, lambda t, x: t.sqrt(x)),
    "Reciprocal": ({}, lambda x: 1 / x, lambda t, x: t.reciprocal(x)),
    "Sign": ({}, np.sign, lambda t, x: t.sign(x)),
    "Abs": ({}, np.abs, lambda t, x: t.abs(x)),
    "Floor": ({}, np.floor, lambda t, x: t.floor(x)),
    "Ceil": ({}, np.ceil, lambda t, x: t.ceil(x)),
    "Round": ({}, np.round, lambda t, x: t.round(x)),
}


def elementwise() -> Iterator[Probe]:
    for shape, (kind, (attributes, expected, torch)) in itertools.product(SHAPES, UNARY.items()):
        yield probe(f"{kind} x -> y", "", shape, expected, torch, **attributes)
    for shape in SHAPES:
        yield from clips(shape)
        yield from choices(shape)
        yield from greatest(shape)


def clips(shape: tuple[int, ...]) -> Iterator[Probe]:
    low, high = {"low": np.float32(-1)}, {"high": np.float32(1)}
    cases: list[tuple[str, str, Compute, Torch, dict[str, Any]]] = [
        ("Clip x low high", "both", lambda x: np.clip(x, -1, 1), lambda t, x: t.clamp(x, -1, 1), low | high),
        ("Clip x low", "min", lambda x: np.maximum(x, -1), lambda t, x: t.clamp(x, min=-1), low),
        ("Clip x - high", "max", lambda x: np.minimum(x, 1), lambda t, x: t.clamp(x, max=1), high),
    ]
    for nodes, setting, expected, torch, weights in cases:
        yield probe(f"{nodes} -> y", setting, shape, expected, torch, weights)
    fused = "Relu x -> h; Clip h low high -> y"
    yield probe(fused, "", shape, lambda x: np.clip(np.maximum(x, 0), -1, 1), None, low | high)
    slope = {"s": floats([0.1])}
    yield probe("PRelu x s -> y", "", shape, leaky, lambda t, x: t.prelu(x, t.full_like(x.flatten()[:1], 0.1)), slope)


def choices(shape: tuple[int, ...]) -> Iterator[Probe]:
    c = other(shape)
    weights = {"yes": c > -2, "no": c > 2, "c": c}
    yield probe("Where yes x c -> y", "taken", shape, lambda x: x, None, _only(weights, "yes", "c"))
    yield probe("Where no x c -> y", "left", shape, lambda x: c, None, _only(weights, "no", "c"))
    spelt_out = "Greater x c -> m; Where m x c -> y"
    yield probe(spelt_out, "", shape, lambda x: np.where(x > c, x, c), None, {"c": c})
    yield probe(
        "QuantizeLinear x s z -> q; DequantizeLinear q s z -> y",
        "NaN has no code",
        shape,
        lambda x: np.clip(np.round(x * 32), -128, 127) / 32,
        lambda t, x: t.fake_quantize_per_tensor_affine(x.float(), 1 / 32, 0, -128, 127),
        {"s": np.float32(1 / 32), "z": np.int8(0)},
    )


def _only(weights: dict[str, Array], *names: str) -> dict[str, Array]:
    return {name: weights[name] for name in names}


def other(shape: tuple[int, ...]) -> Array:
    """The second operand."""
    return np.linspace(-1, 1, int(np.prod(shape))).reshape(shape).astype(np.float32)


def greatest(shape: tuple[int, ...]) -> Iterator[Probe]:
    """Max and Min, the NaN in either operand or in one of three."""
    c = other(shape)
    half = np.float32(0.5)
    for kind, select in (("Max", np.maximum), ("Min", np.minimum)):
        for setting, value in (("scalar", half), ("tensor", c)):
            expected, torch = _against(select, value), _torch_against(f"{kind.lower()}imum", value)
            yield probe(f"{kind} x v -> y", f"{setting} last", shape, expected, torch, {"v": value})
            yield probe(f"{kind} v x -> y", f"{setting} first", shape, expected, torch, {"v": value})
        three = _against(select, select(c, half))
        yield probe(f"{kind} c x s -> y", "three", shape, three, None, {"c": c, "s": half})


def _against(select: Any, value: Any) -> Compute:
    return lambda x: select(x, value)


def _torch_against(name: str, value: Any) -> Torch:
    return lambda t, x: getattr(t, name)(x, t.as_tensor(value, dtype=x.dtype, device=x.device))


def scatters() -> Iterator[Probe]:
    """Scattering with a selection: two values meet at each place."""
    for n, (kind, select) in itertools.product(LENGTHS, {"max": np.maximum, "min": np.minimum}.items()):
        places = np.arange(n, dtype=np.int64) // 2
        weights = {"d": np.zeros(n, np.float32), "i": places}
        expected, torch = _scattered(select, places), _torch_scattered(f"a{kind}", places)
        yield probe("ScatterElements d i x -> y", kind, (n,), expected, torch, weights, reduction=kind)


def _scattered(select: Any, places: Array) -> Compute:
    def compute(x: Array) -> Array:
        made = np.zeros_like(x)
        select.at(made, places, x)
        return made

    return compute


def _torch_scattered(kind: str, places: Array) -> Torch:
    return lambda t, x: t.zeros_like(x).scatter_reduce(0, t.from_numpy(places).to(x.device), x, kind)

"""The probes of nan_table: every operator that selects, compares, sorts or squashes, over shapes and axes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from nan_probe import Array, Probe, probe
from nan_recurrent import recurrent

LENGTHS = (1, 3, 8, 17, 64, 1000)
SHAPES = (*((n,) for n in LENGTHS), (2, 3, 17), (1, 3, 8, 64))


def probes() -> Iterator[Probe]:
    """All of them."""
    yield from elementwise()
    yield from selections()
    yield from scatters()
    yield from reductions()
    yield from along_an_axis()
    yield from pools()
    yield from resizes()
    yield from regions()
    yield from fused()
    yield from recurrent()


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x < 0, alpha * np.expm1(x), x)


def steps(x: Array) -> Array:
    return np.clip(0.2 * x + 0.5, 0, 1)


# operator: attributes, by IEEE 754 (a comparison with NaN is false, an arithmetic result is NaN), PyTorch
ELEMENTWISE: dict[str, tuple[dict[str, Any], Callable[[Array], Array], Callable[[Any, Any], Any] | None]] = {
    "Relu": ({}, lambda x: np.maximum(x, 0), lambda t, x: t.relu(x)),
    "LeakyRelu": (
        {"alpha": 0.1},
        lambda x: np.where(x < 0, 0.1 * x, x),
        lambda t, x: t.nn.functional.leaky_relu(x, 0.1),
    ),
    "ThresholdedRelu": (
        {"alpha": 0.5},
        lambda x: np.where(np.isnan(x), x, np.where(x > 0.5, x, 0)),
        lambda t, x: t.nn.functional.threshold(x, 0.5, 0.0),
    ),
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
    "Erf": ({}, lambda x: np.vectorize(_erf)(x), lambda t, x: t.erf(x)),
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


def _erf(x: float) -> float:
    import math

    return math.erf(x)


def elementwise() -> Iterator[Probe]:
    for shape, (kind, (attributes, expected, torch)) in itertools.product(SHAPES, ELEMENTWISE.items()):
        yield probe(f"{kind} x -> y", "", shape, expected, torch, **attributes)


def selections() -> Iterator[Probe]:
    """Elementwise operators of several operands; the NaN stands in one of them."""
    bounds = {"low": np.float32(-1), "high": np.float32(1)}
    only = {name: {name: value} for name, value in bounds.items()}
    for shape in SHAPES:
        c = np.linspace(-1, 1, int(np.prod(shape))).reshape(shape).astype(np.float32)
        yes = {"yes": c > -2, "no": c > 2, "c": c}
        yield probe(
            "Clip x low high -> y", "both", shape, lambda x: np.clip(x, -1, 1), lambda t, x: t.clamp(x, -1, 1), bounds
        )
        yield probe(
            "Clip x low -> y", "min", shape, lambda x: np.maximum(x, -1), lambda t, x: t.clamp(x, min=-1), only["low"]
        )
        yield probe(
            "Clip x - high -> y",
            "max",
            shape,
            lambda x: np.minimum(x, 1),
            lambda t, x: t.clamp(x, max=1),
            only["high"],
        )
        yield probe(
            "PRelu x s -> y", "scalar", shape, lambda x: np.where(x < 0, 0.1 * x, x), _prelu, {"s": np.float32([0.1])}
        )
        yield probe(
            "Greater x c -> m; Where m x c -> y", "", shape, lambda x, c=c: np.where(x > c, x, c), None, {"c": c}
        )
        yield probe(
            "QuantizeLinear x s z -> q; DequantizeLinear q s z -> y",
            "NaN has no code",
            shape,
            lambda x: np.clip(np.round(x * 32), -128, 127) / 32,
            lambda t, x: t.fake_quantize_per_tensor_affine(x.float(), 1 / 32, 0, -128, 127),
            {"s": np.float32(1 / 32), "z": np.int8(0)},
        )
        yield probe("Where yes x c -> y", "taken", shape, lambda x: x, None, {"yes": yes["yes"], "c": c})
        yield probe("Where no x c -> y", "left", shape, lambda x, c=c: c, None, {"no": yes["no"], "c": c})
        for kind, function in (("Max", np.maximum), ("Min", np.minimum)):
            torch = _selection(kind.lower())
            one = {"s": np.float32(0.5)}
            yield probe(f"{kind} x s -> y", "scalar last", shape, lambda x, f=function: f(x, 0.5), torch(0.5), one)
            yield probe(f"{kind} s x -> y", "scalar first", shape, lambda x, f=function: f(0.5, x), torch(0.5), one)
            yield probe(
                f"{kind} x c -> y", "tensor last", shape, lambda x, f=function, c=c: f(x, c), torch(c), {"c": c}
            )
            yield probe(
                f"{kind} c x -> y", "tensor first", shape, lambda x, f=function, c=c: f(c, x), torch(c), {"c": c}
            )
            yield probe(
                f"{kind} c x s -> y",
                "three",
                shape,
                lambda x, f=function, c=c: f(f(c, x), 0.5),
                None,
                {"c": c, **one},
            )


def _prelu(t: Any, x: Any) -> Any:
    return t.nn.functional.prelu(x, t.full((1,), 0.1, dtype=x.dtype, device=x.device))


def _selection(kind: str) -> Callable[[Any], Callable[[Any, Any], Any]]:
    def against(other: Any) -> Callable[[Any, Any], Any]:
        return lambda t, x: getattr(t, f"{kind}imum")(x, t.as_tensor(other, dtype=x.dtype, device=x.device))

    return against


def scatters() -> Iterator[Probe]:
    """Scattering with a selection: each value meets its neighbour's place."""
    for n in LENGTHS:
        places = np.arange(n, dtype=np.int64) // 2
        for kind, function in (("max", np.maximum), ("min", np.minimum)):
            yield probe(
                "ScatterElements d i x -> y",
                kind,
                (n,),
                lambda x, f=function, p=places: _scattered(f, p, x),
                lambda t, x, k=kind, p=places: t.zeros_like(x).scatter_reduce(
                    0, t.from_numpy(p).to(x.device), x, f"a{k}"
                ),
                {"d": np.zeros(n, np.float32), "i": places},
                reduction=kind,
            )


def _scattered(function: Any, places: Array, x: Array) -> Array:
    made = np.zeros_like(x)
    function.at(made, places, x)
    return made


REDUCTIONS: dict[str, tuple[Callable[..., Array], Callable[[Any, Any, Any], Any]]] = {
    "ReduceMax": (np.max, lambda t, x, a: t.amax(x, a, True)),
    "ReduceMin": (np.min, lambda t, x, a: t.amin(x, a, True)),
    "ReduceSum": (np.sum, lambda t, x, a: t.sum(x, a, True)),
    "ReduceMean": (np.mean, lambda t, x, a: t.mean(x, a, True)),
    "ReduceL1": (lambda x, **k: np.sum(np.abs(x), **k), lambda t, x, a: t.sum(t.abs(x), a, True)),
    "ReduceL2": (lambda x, **k: np.sqrt(np.sum(x * x, **k)), lambda t, x, a: t.sqrt(t.sum(x * x, a, True))),
    "ReduceLogSumExp": (lambda x, **k: logsumexp(x, **k), lambda t, x, a: t.logsumexp(x, a, True)),
}


def logsumexp(x: Array, axis: Any, keepdims: bool) -> Array:
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isinf(top), 0, top)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis)


def reductions() -> Iterator[Probe]:
    shapes = [(n,) for n in LENGTHS] + [(3, 17), (17, 64), (2, 3, 17), (2, 17, 8), (2, 3, 4, 17), (1, 4, 40, 33)]
    for shape, kind in itertools.product(shapes, REDUCTIONS):
        for many in range(1, len(shape) + 1):
            for axes in itertools.combinations(range(len(shape)), many):
                yield reduction(kind, shape, axes)


def reduction(kind: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Probe:
    compute, torch = REDUCTIONS[kind]
    return probe(
        f"{kind} x axes -> y",
        f"axes {list(axes)} of {len(shape)}-D",
        shape,
        lambda x: compute(x, axis=axes, keepdims=True),
        lambda t, x: torch(t, x, axes),
        {"axes": np.int64(axes)},
        keepdims=1,
    )


def softmax(x: Array, axis: int) -> Array:
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def along_an_axis() -> Iterator[Probe]:
    for shape in SHAPES:
        for axis in range(len(shape)):
            text = f"axis {axis} of {len(shape)}-D"
            yield probe(
                "Softmax x -> y",
                text,
                shape,
                lambda x, a=axis: softmax(x, a),
                lambda t, x, a=axis: t.softmax(x, a),
                axis=axis,
            )
            yield probe(
                "LogSoftmax x -> y",
                text,
                shape,
                lambda x, a=axis: np.log(softmax(x, a)),
                lambda t, x, a=axis: t.log_softmax(x, a),
                axis=axis,
            )
            for kind in ("ArgMax", "ArgMin"):
                # PyTorch and numpy call NaN the greatest (and the least); no standard says so
                yield probe(
                    f"{kind} x -> y",
                    text,
                    shape,
                    lambda x, a=axis, k=kind.lower(): getattr(np, k)(x, axis=a, keepdims=True),
                    lambda t, x, a=axis, k=kind.lower(): getattr(t, k)(x, a, True),
                    integer=True,
                    axis=axis,
                )
            for largest, k in itertools.product((1, 0), dict.fromkeys((1, min(2, shape[axis]), shape[axis]))):
                yield probe(
                    "TopK x k -> y i",
                    f"{k} {'largest' if largest else 'smallest'}, {text}",
                    shape,
                    lambda x, a=axis, n=k, b=largest: top(x, a, n, b),
                    lambda t, x, a=axis, n=k, b=largest: t.topk(x, n, a, bool(b))[0],
                    {"k": np.int64([k])},
                    axis=axis,
                    largest=largest,
                )


def top(x: Array, axis: int, k: int, largest: int) -> Array:
    """The ``k`` greatest or least, NaN being greater than anything (as PyTorch has it)."""
    ordered = np.sort(x, axis=axis)
    return np.take(np.flip(ordered, axis) if largest else ordered, range(k), axis=axis)


def max_pool(x: Array, kernel: int, stride: int, pad: int, dilation: int = 1) -> Array:
    axes = tuple(range(2, x.ndim))
    padded = np.pad(x, [(0, 0), (0, 0)] + [(pad, pad)] * len(axes), constant_values=-np.inf)
    reach = (kernel - 1) * dilation + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (reach,) * len(axes), axes)
    windows = windows[
        (
            slice(None),
            slice(None),
            *(slice(None, None, stride),) * len(axes),
            *(slice(None, None, dilation),) * len(axes),
        )
    ]
    return np.max(windows, axis=tuple(range(x.ndim, windows.ndim)))


def pools() -> Iterator[Probe]:
    shapes = [(1, 2, n) for n in LENGTHS if n > 1] + [(1, 3, 9, 17), (2, 4, 40, 64), (1, 1, 6, 7, 9)]
    for shape in shapes:
        rank = len(shape) - 2
        everything = tuple(range(2, len(shape)))
        yield probe(
            "GlobalMaxPool x -> y",
            "",
            shape,
            lambda x, a=everything: np.max(x, axis=a, keepdims=True),
            lambda t, x, a=everything: t.amax(x, a, True),
        )
        yield probe(
            "GlobalAveragePool x -> y",
            "",
            shape,
            lambda x, a=everything: np.mean(x, axis=a, keepdims=True),
            lambda t, x, a=everything: t.mean(x, a, True),
        )
        for kernel, stride, pad, dilation in ((2, 2, 0, 1), (3, 1, 0, 1), (3, 2, 1, 1), (2, 1, 0, 2)):
            geometry = {"kernel_size": kernel, "stride": stride, "padding": pad, "dilation": dilation}
            for outputs in ("y", "y i"):
                yield probe(
                    f"MaxPool x -> {outputs}",
                    "with indices" if outputs == "y i" else f"{rank}-D",
                    shape,
                    lambda x, g=(kernel, stride, pad, dilation): max_pool(x, *g),
                    lambda t, x, g=geometry, r=rank: getattr(t.nn.functional, f"max_pool{r}d")(x, **g),
                    kernel_shape=[kernel] * rank,
                    strides=[stride] * rank,
                    pads=[pad] * (2 * rank),
                    dilations=[dilation] * rank,
                )


def linear(x: Array) -> Array:
    """Twice as high and wide, half-pixel coordinates."""
    for axis in (x.ndim - 2, x.ndim - 1):
        size = x.shape[axis]
        at = np.clip((np.arange(2 * size) + 0.5) / 2 - 0.5, 0, size - 1)
        low = np.floor(at).astype(int)
        share = (at - low).reshape([-1] + [1] * (x.ndim - 1 - axis))
        first, second = np.take(x, low, axis), np.take(x, np.minimum(low + 1, size - 1), axis)
        with np.errstate(invalid="ignore"):
            x = first * (1 - share) + second * share
    return x


def resizes() -> Iterator[Probe]:
    for shape in [(1, 1, 3, 8), (1, 2, 17, 8), (1, 3, 8, 64)]:
        scales = {"scales": np.array([1, 1, 2, 2], np.float32)}
        yield probe(
            "Resize x - keep -> y",
            "nearest",
            shape,
            lambda x: x.repeat(2, -1).repeat(2, -2),
            lambda t, x: t.nn.functional.interpolate(x, scale_factor=2, mode="nearest"),
            {"keep": scales["scales"]},
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )
        yield probe(
            "Resize x - keep -> y",
            "linear",
            shape,
            linear,
            lambda t, x: t.nn.functional.interpolate(x, scale_factor=2, mode="bilinear"),
            {"keep": scales["scales"]},
            mode="linear",
        )


def region(x: Array, largest: bool) -> Array:
    """RoiAlign of [0.5, 6.5] × [0.5, 6.5] into 2 × 2 bins of 2 × 2 samples."""
    at = np.float32([1.25, 2.75, 4.25, 5.75])
    low = at.astype(int)
    share = (at - low)[:, None]
    rows = np.stack([x[..., low, :] * (1 - share), x[..., low + 1, :] * share])
    corners = np.stack([rows[..., low] * (1 - share[:, 0]), rows[..., low + 1] * share[:, 0]])
    values = corners.max((0, 1)) if largest else corners.sum((0, 1))
    bins = values.reshape(*x.shape[:2], 2, 2, 2, 2)
    return bins.max((3, 5)) if largest else bins.mean((3, 5))


def regions() -> Iterator[Probe]:
    rois = {"rois": np.array([[0.5, 0.5, 6.5, 6.5]], np.float32), "batch": np.int64([0])}
    for mode in ("avg", "max"):
        yield probe(
            "RoiAlign x rois batch -> y",
            mode,
            (1, 2, 8, 8),
            lambda x, m=mode: region(x, m == "max"),
            None,
            rois,
            (9, 27, 54),
            mode=mode,
            output_height=2,
            output_width=2,
            sampling_ratio=2,
            coordinate_transformation_mode="output_half_pixel",
        )
        size = 8
        yield probe(
            "MaxRoiPool x rois -> y",
            "whole",
            (1, 2, 8, 8),
            lambda x: x.max((2, 3), keepdims=True),
            None,
            {"rois": np.array([[0, 0, 0, size - 1, size - 1]], np.float32)},
            pooled_shape=[1, 1],
        )
    n = 5
    corners = np.arange(n, dtype=np.float32)[:, None] * 10
    boxes = np.concatenate([corners, corners, corners + 5, corners + 5], 1)[None]
    limits = {"many": np.int64([n]), "iou": np.float32([0.5]), "score": np.float32([-5])}
    # no box overlaps another, so whatever compares greater than the threshold is selected, the best first
    yield probe(
        "NonMaxSuppression boxes x many iou score -> y",
        "scores",
        (1, 1, n),
        nms,
        None,
        {"boxes": boxes, **limits},
        integer=True,
    )


def nms(scores: Array) -> Array:
    kept = np.flatnonzero(scores[0, 0] > -5)
    order = kept[np.argsort(-scores[0, 0, kept], kind="stable")]
    return np.stack([0 * order, 0 * order, order], 1)


def convolved(x: Array) -> Array:
    """Each output channel the sum of 3 × 3 windows over all channels."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3)).sum((1, 4, 5))
    return np.broadcast_to(windows[:, None] * 0.1, (x.shape[0], 4, *windows.shape[1:]))


def fused() -> Iterator[Probe]:
    """What ONNX Runtime fuses an activation into."""
    weights = {"w": np.full((4, 3, 3, 3), 0.1, np.float32), "low": np.float32(0), "high": np.float32(6)}
    slim = {"w": weights["w"]}
    for shape in ((1, 3, 9, 9), (1, 3, 40, 64)):
        yield probe("Conv x w -> y", "", shape, convolved, None, slim)
        yield probe("Conv x w -> h; Relu h -> y", "", shape, lambda x: np.maximum(convolved(x), 0), None, slim)
        yield probe(
            "Conv x w -> h; Clip h low high -> y", "", shape, lambda x: np.clip(convolved(x), 0, 6), None, weights
        )
        yield probe("Conv x w -> h; Sigmoid h -> y", "", shape, lambda x: sigmoid(convolved(x)), None, slim)
        yield probe("Conv x w -> h; HardSigmoid h -> y", "", shape, lambda x: steps(convolved(x)), None, slim)
        yield probe(
            "Conv x w -> h; LeakyRelu h -> y",
            "",
            shape,
            lambda x: np.where(convolved(x) < 0, 0.01 * convolved(x), convolved(x)),
            None,
            slim,
        )
    for rows, columns in ((1, 3), (3, 17), (17, 64)):
        w = {"w": np.full((columns, 5), 0.1, np.float32), "b": np.zeros(5, np.float32)}
        yield probe(
            "Gemm x w b -> h; Relu h -> y",
            "",
            (rows, columns),
            lambda x: np.maximum(np.repeat(x.sum(1, keepdims=True) * 0.1, 5, 1), 0),
            None,
            w,
        )
    for shape in SHAPES:
        limits = {"low": np.float32(-1), "high": np.float32(1)}
        yield probe(
            "Relu x -> h; Clip h low high -> y", "", shape, lambda x: np.clip(np.maximum(x, 0), -1, 1), None, limits
        )

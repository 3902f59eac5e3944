"""Probes of operators that look at windows: pools, resizes, regions, and convolutions with their activations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from nan_elementwise import LENGTHS, leaky, sigmoid, steps
from nan_probe import Array, Probe, floats, integers, probe

POOLED = (*((1, 2, n) for n in LENGTHS if n > 1), (1, 3, 9, 17), (2, 4, 40, 64), (1, 1, 6, 7, 9))
GEOMETRIES = ((2, 2, 0, 1), (3, 1, 0, 1), (3, 2, 1, 1), (2, 1, 0, 2))


def max_pool(x: Array, kernel: int, stride: int, pad: int, dilation: int) -> Array:
    axes = tuple(range(2, x.ndim))
    padded = np.pad(x, [(0, 0), (0, 0)] + [(pad, pad)] * len(axes), constant_values=-np.inf)
    reach = (kernel - 1) * dilation + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (reach,) * len(axes), axes)
    strided = (slice(None, None, stride),) * len(axes)
    dilated = (slice(None, None, dilation),) * len(axes)
    chosen: Array = windows[(slice(None), slice(None), *strided, *dilated)]
    return np.asarray(np.max(chosen, axis=tuple(range(x.ndim, windows.ndim))))


def pools() -> Iterator[Probe]:
    for shape in POOLED:
        yield from whole(shape)
        for geometry, outputs in itertools.product(GEOMETRIES, ("y", "y i")):
            yield pool(shape, geometry, outputs)


def whole(shape: tuple[int, ...]) -> Iterator[Probe]:
    axes = tuple(range(2, len(shape)))
    greatest = probe(
        "GlobalMaxPool x -> y",
        "",
        shape,
        lambda x: np.max(x, axis=axes, keepdims=True),
        lambda t, x: t.amax(x, axes, True),
    )
    mean = probe(
        "GlobalAveragePool x -> y",
        "",
        shape,
        lambda x: np.mean(x, axis=axes, keepdims=True),
        lambda t, x: t.mean(x, axes, True),
    )
    yield from (greatest, mean)


def pool(shape: tuple[int, ...], geometry: tuple[int, int, int, int], outputs: str) -> Probe:
    rank = len(shape) - 2
    kernel, stride, pad, dilation = geometry
    return probe(
        f"MaxPool x -> {outputs}",
        f"{rank}-D" if outputs == "y" else "with indices",
        shape,
        lambda x: max_pool(x, *geometry),
        lambda t, x: getattr(t.nn.functional, f"max_pool{rank}d")(x, *geometry),
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
        x = np.take(x, low, axis) * (1 - share) + np.take(x, np.minimum(low + 1, size - 1), axis) * share
    return x


def resizes() -> Iterator[Probe]:
    scales = {"scales": floats([1, 1, 2, 2])}
    places: dict[str, Any] = {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    for shape in ((1, 1, 3, 8), (1, 2, 17, 8), (1, 3, 8, 64)):
        yield probe(
            "Resize x - scales -> y",
            "nearest",
            shape,
            lambda x: x.repeat(2, -1).repeat(2, -2),
            lambda t, x: t.nn.functional.interpolate(x, scale_factor=2, mode="nearest"),
            scales,
            mode="nearest",
            **places,
        )
        yield probe(
            "Resize x - scales -> y",
            "linear",
            shape,
            linear,
            lambda t, x: t.nn.functional.interpolate(x, scale_factor=2, mode="bilinear"),
            scales,
            mode="linear",
        )


def region(x: Array, largest: bool) -> Array:
    """RoiAlign of [0.5, 6.5] × [0.5, 6.5] into 2 × 2 bins of 2 × 2 samples; the largest is one of the corners."""
    at = floats([1.25, 2.75, 4.25, 5.75])
    low = at.astype(int)
    share = (at - low)[:, None]
    rows = np.stack([x[..., low, :] * (1 - share), x[..., low + 1, :] * share])
    corners = np.stack([rows[..., low] * (1 - share[:, 0]), rows[..., low + 1] * share[:, 0]])
    values = corners.max((0, 1)) if largest else corners.sum((0, 1))
    bins = values.reshape(*x.shape[:2], 2, 2, 2, 2)
    pooled: Array = bins.max((3, 5)) if largest else bins.mean((3, 5))
    return pooled


def regions() -> Iterator[Probe]:
    shape = (1, 2, 8, 8)
    align: dict[str, Any] = {"output_height": 2, "output_width": 2, "sampling_ratio": 2}
    rois = {"rois": floats([[0.5, 0.5, 6.5, 6.5]]), "batch": integers([0])}
    for mode in ("avg", "max"):
        yield probe(
            "RoiAlign x rois batch -> y",
            mode,
            shape,
            partial(region, largest=mode == "max"),
            None,
            rois,
            (9, 27, 54),
            mode=mode,
            coordinate_transformation_mode="output_half_pixel",
            **align,
        )
    all_of_it = {"rois": floats([[0, 0, 0, 7, 7]])}
    greatest = "MaxRoiPool x rois -> y"
    yield probe(greatest, "", shape, lambda x: x.max((2, 3), keepdims=True), None, all_of_it, pooled_shape=[1, 1])
    yield suppression(5)


def suppression(n: int) -> Probe:
    """NonMaxSuppression of ``n`` boxes apart: what compares greater than the threshold is kept, the best first."""
    corners = np.arange(n, dtype=np.float32)[:, None] * 10
    boxes = np.concatenate([corners, corners, corners + 5, corners + 5], 1)[None]
    limits = {"many": integers([n]), "iou": floats([0.5]), "score": floats([-5])}

    def kept(scores: Array) -> Array:
        above = np.flatnonzero(scores[0, 0] > -5)
        order = above[np.argsort(-scores[0, 0, above], kind="stable")]
        return np.stack([0 * order, 0 * order, order], 1)

    nodes = "NonMaxSuppression boxes x many iou score -> y"
    return probe(nodes, "scores", (1, 1, n), kept, None, {"boxes": boxes, **limits}, integer=True)


def convolved(x: Array) -> Array:
    """Each of four output channels is a tenth of the sum of 3 × 3 windows over all channels."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3)).sum((1, 4, 5))
    return np.broadcast_to(windows[:, None] * 0.1, (x.shape[0], 4, *windows.shape[1:]))


FUSED: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "": ("", lambda h: h),
    "Relu": ("", lambda h: np.maximum(h, 0)),
    "Clip": ("low high", lambda h: np.clip(h, 0, 6)),
    "Sigmoid": ("", sigmoid),
    "HardSigmoid": ("", steps),
    "LeakyRelu": ("", lambda h: leaky(h, 0.01)),
}


def fused() -> Iterator[Probe]:
    """What ONNX Runtime fuses an activation into."""
    bounds = {"low": np.float32(0), "high": np.float32(6)}
    for shape, (kind, (given, activate)) in itertools.product(((1, 3, 9, 9), (1, 3, 40, 64)), FUSED.items()):
        nodes = f"Conv x w -> h; {kind} h {given} -> y" if kind else "Conv x w -> y"
        weights: dict[str, Any] = {"w": np.full((4, 3, 3, 3), 0.1, np.float32), **(bounds if given else {})}
        yield probe(nodes, "", shape, _after(activate), None, weights)
    for rows, columns in ((1, 3), (3, 17), (17, 64)):
        weights = {"w": np.full((columns, 5), 0.1, np.float32), "b": np.zeros(5, np.float32)}
        yield probe("Gemm x w b -> h; Relu h -> y", "", (rows, columns), product, None, weights)


def _after(activate: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda x: activate(convolved(x))


def product(x: Array) -> Array:
    return np.asarray(np.maximum(np.repeat(x.sum(1, keepdims=True) * 0.1, 5, 1), 0))

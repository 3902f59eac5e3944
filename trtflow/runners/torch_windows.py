"""ONNX operators on PyTorch's tensors: convolution, pooling and resizing. As ``torch_math``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trtflow.runners.torch_math import in_fp32
from trtflow.runners.torch_shapes import taken

functional = torch.nn.functional

_CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_CONV_TRANSPOSE = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
_MAX_POOL = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGE_POOL = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


def _pads(
    x: Tensor,
    auto_pad: str,
    pads: Sequence[int] | None,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> tuple[list[int], list[int]]:
    """How much is added before and behind each axis of the image."""
    rank = len(kernel)
    if auto_pad in ("NOTSET", "VALID"):
        given = list(pads or [0] * 2 * rank) if auto_pad == "NOTSET" else [0] * 2 * rank
        return given[:rank], given[rank:]
    totals = [
        max((-(-length // stride) - 1) * stride + (size - 1) * dilation + 1 - length, 0)
        for length, size, stride, dilation in zip(x.shape[2:], kernel, strides, dilations, strict=True)
    ]
    less, more = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return (less, more) if auto_pad == "SAME_UPPER" else (more, less)


def _padded(x: Tensor, before: Sequence[int], after: Sequence[int], value: float = 0) -> Tensor:
    flat = [side for pair in zip(reversed(before), reversed(after), strict=True) for side in pair]
    return functional.pad(x, flat, value=value)


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    ones = [1] * (x.dim() - 2)
    strides, dilations = list(strides or ones), list(dilations or ones)
    before, after = _pads(x, auto_pad, pads, weight.shape[2:], strides, dilations)
    if before != after:
        x, before = _padded(x, before, after), [0] * len(ones)
    return _CONV[len(ones)](x, weight, bias, strides, before, dilations, group)


def conv_transpose(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    output_padding: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    rank = x.dim() - 2
    if auto_pad not in ("NOTSET", "VALID"):
        raise NotImplementedError(f"auto_pad {auto_pad}")
    strides, dilations = list(strides or [1] * rank), list(dilations or [1] * rank)
    before, after = _pads(x, auto_pad, pads, weight.shape[2:], strides, dilations)
    extra = list(output_padding or [0] * rank)
    same = before == after
    made = _CONV_TRANSPOSE[rank](x, weight, bias, strides, before if same else [0] * rank, extra, group, dilations)
    if same:
        return made
    return _padded(made, [-side for side in before], [-side for side in after])


def max_pool(
    x: Tensor,
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    storage_order: int = 0,
    strides: Sequence[int] | None = None,
) -> Tensor:
    ones = [1] * len(kernel_shape)
    strides, dilations = list(strides or ones), list(dilations or ones)
    before, after = _pads(x, auto_pad, pads, kernel_shape, strides, dilations)
    if before != after or any(2 * side > size for side, size in zip(before, kernel_shape, strict=True)):
        lowest = -float("inf") if x.is_floating_point() else torch.iinfo(x.dtype).min
        x, before = _padded(x, before, after, lowest), [0] * len(ones)
    return _MAX_POOL[len(ones)](x, list(kernel_shape), strides, before, dilations, bool(ceil_mode))


def average_pool(
    x: Tensor,
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Tensor:
    ones = [1] * len(kernel_shape)
    if list(dilations or ones) != ones:
        raise NotImplementedError("dilations")
    strides, kernel, pool = list(strides or ones), list(kernel_shape), _AVERAGE_POOL[len(ones)]
    before, after = _pads(x, auto_pad, pads, kernel, strides, ones)
    if before == after:
        return pool(x, kernel, strides, before, bool(ceil_mode), bool(count_include_pad))
    share = pool(_padded(x.float(), before, after), kernel, strides, 0, bool(ceil_mode))
    if not count_include_pad:
        there = torch.ones_like(x, dtype=torch.float32)
        share = share / pool(_padded(there, before, after), kernel, strides, 0, bool(ceil_mode))
    return share.to(x.dtype)


@in_fp32
def global_average_pool(x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.dim())), keepdim=True)


def global_max_pool(x: Tensor) -> Tensor:
    return x.amax(tuple(range(2, x.dim())), keepdim=True)


def resize(
    x: Tensor,
    roi: object = None,
    scales: Sequence[float] | None = None,
    sizes: Sequence[int] | None = None,
    *,
    antialias: int = 0,
    axes: Sequence[int] | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Tensor:
    if mode not in ("nearest", "linear") or antialias or keep_aspect_ratio_policy != "stretch":
        raise NotImplementedError(f"mode {mode}, antialias {antialias}, {keep_aspect_ratio_policy}")
    kind = x.dtype
    for place, axis in enumerate(axes or range(x.dim())):
        length = x.shape[axis]
        scale = scales[place] if scales else sizes[place] / length if sizes else 1.0
        size = sizes[place] if sizes else int(length * scale)
        if size == length and scale == 1:
            continue
        at = _coordinates(coordinate_transformation_mode, length, size, scale)
        if mode == "nearest":
            x = taken(x, axis, np.clip(_nearest(nearest_mode, at), 0, length - 1).astype(int).tolist())
        else:
            x = _between(x.float(), axis, np.clip(at, 0, length - 1))
    return x.to(kind)


def _between(x: Tensor, axis: int, at: NDArray[Any]) -> Tensor:
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, x.shape[axis] - 1)
    spread = [1] * x.dim()
    spread[axis] = -1
    share = torch.tensor((at - low).tolist(), dtype=x.dtype, device=x.device).reshape(spread)
    return taken(x, axis, low.tolist()) * (1 - share) + taken(x, axis, high.tolist()) * share


def _coordinates(mode: str, length: int, size: int, scale: float) -> NDArray[Any]:
    """Where along an axis of ``length`` the ``size`` outputs are read, in FP32 as ONNX Runtime computes it."""
    places: NDArray[Any] = np.arange(size, dtype=np.float32)
    if mode == "asymmetric":
        return places / np.float32(scale)
    if mode == "align_corners":
        return places * np.float32((length - 1) / max(size - 1, 1))
    if mode == "half_pixel" or (mode == "pytorch_half_pixel" and size > 1):
        return (places + np.float32(0.5)) / np.float32(scale) - np.float32(0.5)
    if mode == "pytorch_half_pixel":
        return places * 0
    raise NotImplementedError(f"coordinate_transformation_mode {mode}")


def _nearest(mode: str, at: NDArray[Any]) -> NDArray[Any]:
    if mode.startswith("round"):
        at = np.ceil(at - 0.5) if mode == "round_prefer_floor" else np.floor(at + 0.5)
    return np.asarray(np.ceil(at) if mode == "ceil" else np.floor(at))

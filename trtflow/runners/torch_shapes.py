"""ONNX operators on PyTorch's tensors: those that move numbers and change none.

As ``torch_math``. What ONNX hands over as a tensor that decides a shape comes as Python numbers here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from onnx import TensorProto
from torch import Tensor

DTYPES: Mapping[int, torch.dtype] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.BFLOAT16: torch.bfloat16,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.INT8: torch.int8,
    TensorProto.UINT8: torch.uint8,
    TensorProto.INT16: torch.int16,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.BOOL: torch.bool,
}


def identity(x: Tensor) -> Tensor:
    return x


def cast(x: Tensor, *, to: int, saturate: int = 1, round_mode: str = "up") -> Tensor:
    if to not in DTYPES:
        raise NotImplementedError(f"type {TensorProto.DataType.Name(to)}")
    return x.to(DTYPES[to])


def cast_like(x: Tensor, like: Tensor, *, saturate: int = 1, round_mode: str = "up") -> Tensor:
    return x.to(like.dtype)


def shape(x: Tensor, *, start: int = 0, end: int | None = None) -> Tensor:
    return torch.tensor(list(x.shape)[start:end], dtype=torch.int64)


def size(x: Tensor) -> Tensor:
    return torch.tensor(x.numel(), dtype=torch.int64)


def filled(shape: Sequence[int], *, value: Tensor | None = None) -> Tensor:
    held = torch.zeros(1) if value is None else value
    return held.reshape(()).expand(list(shape)).clone()


def arange(start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


def reshape(x: Tensor, shape: Sequence[int], *, allowzero: int = 0) -> Tensor:
    sizes = [x.shape[at] if wanted == 0 and not allowzero else wanted for at, wanted in enumerate(shape)]
    return x.reshape(sizes)


def flatten(x: Tensor, *, axis: int = 1) -> Tensor:
    at = axis % x.dim() if axis < 0 else axis
    return x.reshape((math.prod(x.shape[:at]), math.prod(x.shape[at:])))


def squeeze(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def unsqueeze(x: Tensor, axes: Sequence[int]) -> Tensor:
    for axis in sorted(axis % (x.dim() + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def transpose(x: Tensor, *, perm: Sequence[int] | None = None) -> Tensor:
    return x.permute(list(perm) if perm is not None else list(range(x.dim()))[::-1])


def expand(x: Tensor, shape: Sequence[int]) -> Tensor:
    return x.broadcast_to(torch.broadcast_shapes(x.shape, tuple(shape)))


def tile(x: Tensor, repeats: Sequence[int]) -> Tensor:
    return x.repeat(list(repeats))


def concat(*tensors: Tensor, axis: int) -> Tensor:
    return torch.cat(tensors, axis)


def split(
    x: Tensor, sizes: Sequence[int] | None = None, *, axis: int = 0, num_outputs: int = 0
) -> tuple[Tensor, ...]:
    wanted = -(-x.shape[axis] // num_outputs) if sizes is None else list(sizes)
    return tuple(torch.split(x, wanted, axis))


def taken(x: Tensor, axis: int, places: Sequence[int]) -> Tensor:
    """The entries of ``x`` at ``places`` along ``axis``."""
    return x.index_select(axis, torch.tensor(list(places), device=x.device))


def cut(
    x: Tensor,
    starts: Sequence[int],
    ends: Sequence[int],
    axes: Sequence[int] | None = None,
    steps: Sequence[int] | None = None,
) -> Tensor:
    for at, start, end, step in zip(
        axes or range(len(starts)), starts, ends, steps or [1] * len(starts), strict=True
    ):
        axis = at % x.dim()
        places = read_places(start, end, step, x.shape[axis])
        if step > 0:
            x = x[(slice(None),) * axis + (slice(places.start, max(places.start, places.stop), step),)]
        else:
            x = taken(x, axis, places)
    return x


def read_places(start: int, end: int, step: int, length: int) -> range:
    """What a slice reads of an axis; in arithmetic, as ``torch.compile`` does not trace ``slice.indices``."""
    low, high = (0, length) if step > 0 else (-1, length - 1)
    first, last = (max(low, min(at + length if at < 0 else at, high)) for at in (start, end))
    return range(first, last, step)


def pad(
    x: Tensor,
    pads: Sequence[int],
    value: float | None = None,
    axes: Sequence[int] | None = None,
    *,
    mode: str = "constant",
) -> Tensor:
    padded = [at % x.dim() for at in (axes or range(x.dim()))]
    sides = dict(zip(padded, zip(pads[: len(padded)], pads[len(padded) :], strict=True), strict=True))
    if mode == "constant":
        flat = [side for axis in reversed(range(x.dim())) for side in sides.get(axis, (0, 0))]
        return torch.nn.functional.pad(x, flat, value=value or 0)
    for axis, (before, after) in sides.items():
        if before or after:
            last = x.shape[axis] - 1
            places = range(-before, last + 1 + after)
            x = taken(x, axis, [_inside(place, last, mode) for place in places])
    return x


def _inside(place: int, last: int, mode: str) -> int:
    """Where ``place``, which may lie outside of 0 to ``last``, is read."""
    if mode == "edge":
        return min(max(place, 0), last)
    if mode == "wrap":
        return place % (last + 1)
    if mode == "reflect":
        turn = place % (2 * last) if last else 0
        return min(turn, 2 * last - turn)
    raise NotImplementedError(f"mode {mode}")


def _positive(indices: Tensor, length: int) -> Tensor:
    return torch.where(indices < 0, indices + length, indices).long()


def gather(x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    at = axis % x.dim()
    flat = x.index_select(at, _positive(indices, x.shape[at]).reshape(-1))
    return flat.reshape((*x.shape[:at], *indices.shape, *x.shape[at + 1 :]))


def gather_elements(x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    return torch.gather(x, axis, _positive(indices, x.shape[axis]))


def gather_nd(x: Tensor, indices: Tensor, *, batch_dims: int = 0) -> Tensor:
    if batch_dims:
        raise NotImplementedError("batch_dims")
    return x[tuple(indices.long().unbind(-1))]


def scatter_elements(
    x: Tensor, indices: Tensor, updates: Tensor, *, axis: int = 0, reduction: str = "none"
) -> Tensor:
    if reduction != "none":
        raise NotImplementedError(f"reduction {reduction}")
    return torch.scatter(x, axis, _positive(indices, x.shape[axis]), updates)


def scatter_nd(x: Tensor, indices: Tensor, updates: Tensor, *, reduction: str = "none") -> Tensor:
    if reduction != "none":
        raise NotImplementedError(f"reduction {reduction}")
    return x.index_put(tuple(indices.long().unbind(-1)), updates)


def triangle(x: Tensor, diagonal: int | None = None, *, upper: int = 1) -> Tensor:
    return (torch.triu if upper else torch.tril)(x, diagonal or 0)


def depth_to_space(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    batch, channels, height, width = x.shape
    block, depth = blocksize, channels // blocksize**2
    if mode == "DCR":
        parts = x.reshape(batch, block, block, depth, height, width).permute(0, 3, 4, 1, 5, 2)
    else:
        parts = x.reshape(batch, depth, block, block, height, width).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape(batch, depth, height * block, width * block)

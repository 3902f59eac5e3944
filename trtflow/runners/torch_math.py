"""ONNX operators on PyTorch's tensors: arithmetic, reductions, matrix products and normalisations.

One function an operator, in the form of opset 22: inputs by position, attributes by name. Each rounds once, at its
end, as one kernel does; what PyTorch has no kernel for is computed in FP32.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

functional = torch.nn.functional


def in_fp32(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """``function`` of the first argument in FP32, and what comes out in that argument's own type."""

    @functools.wraps(function)
    def computed(x: Tensor, *others: Any, **attributes: Any) -> Tensor:
        return function(x.float() if x.is_floating_point() else x, *others, **attributes).to(x.dtype)

    return computed


def folded(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """``function`` of any number of tensors, one after the other."""
    return lambda *tensors: functools.reduce(function, tensors)


def div(x: Tensor, y: Tensor) -> Tensor:
    """Integers are divided towards zero."""
    return torch.div(x, y) if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


def power(x: Tensor, y: Tensor) -> Tensor:
    return torch.pow(x, y).to(x.dtype)


def mod(x: Tensor, y: Tensor, *, fmod: int = 0) -> Tensor:
    return torch.fmod(x, y) if fmod else torch.remainder(x, y)


def clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return x if low is None and high is None else torch.clamp(x, low, high)


def is_inf(x: Tensor, *, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    return (torch.isposinf(x) & bool(detect_positive)) | (torch.isneginf(x) & bool(detect_negative))


def leaky_relu(x: Tensor, *, alpha: float = 0.01) -> Tensor:
    return functional.leaky_relu(x, alpha)


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, x * slope, x)


def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    return functional.elu(x, alpha)


@in_fp32
def hard_sigmoid(x: Tensor, *, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    return torch.clamp(alpha * x + beta, 0, 1)


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    return functional.gelu(x, approximate=approximate)


def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    return torch.softmax(x, axis)


def log_softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    return torch.log_softmax(x, axis)


def reduction(function: Callable[[Tensor, list[int], bool], Tensor]) -> Callable[..., Tensor]:
    """A Reduce operator: ``function`` takes the tensor in FP32 (integers as they are), axes and keepdims."""

    @in_fp32
    def reduced(
        x: Tensor, axes: Sequence[int] | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Tensor:
        if not axes and noop_with_empty_axes:
            return x
        return function(x, list(axes or range(x.dim())), bool(keepdims))

    return reduced


def product(x: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    for axis in sorted((axis % x.dim() for axis in axes), reverse=True):
        x = torch.prod(x, axis, keepdim=keepdims)
    return x


def arg_max(x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    if select_last_index:
        raise NotImplementedError("select_last_index")
    return torch.argmax(x, axis, keepdim=bool(keepdims))


def arg_min(x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    return arg_max(-x, axis=axis, keepdims=keepdims, select_last_index=select_last_index)


def top_k(x: Tensor, k: list[int], *, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Tensor, Tensor]:  # noqa: A002 - ONNX's name
    values, indices = torch.topk(x, k[0], axis, bool(largest), bool(sorted))
    return values, indices


def cumulative_sum(x: Tensor, axis: int | list[int], *, exclusive: int = 0, reverse: int = 0) -> Tensor:
    if exclusive:
        raise NotImplementedError("exclusive")
    at = axis[0] if isinstance(axis, list) else axis
    return torch.cumsum(x.flip(at), at).flip(at) if reverse else torch.cumsum(x, at)


def gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803 - ONNX's name
    transB: int = 0,  # noqa: N803 - ONNX's name
) -> Tensor:
    a, b = a.t() if transA else a, b.t() if transB else b
    if c is None:
        return torch.matmul(a, b) if alpha == 1 else alpha * torch.matmul(a, b)
    return torch.addmm(c, a, b, beta=beta, alpha=alpha)


def einsum(*tensors: Tensor, equation: str) -> Tensor:
    return torch.einsum(equation, *tensors)


def batch_normalization(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    mean: Tensor,
    variance: Tensor,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Tensor:
    if training_mode:
        raise NotImplementedError("training_mode")
    given = (mean, variance, scale, shift)
    if any(tensor.dtype != x.dtype for tensor in given):
        given = tuple(tensor.float() for tensor in given)
    return functional.batch_norm(x, *given, eps=epsilon)


def layer_normalization(
    x: Tensor,
    scale: Tensor,
    shift: Tensor | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Tensor:
    shape = x.shape[axis:]
    given = [None if tensor is None else tensor.broadcast_to(shape) for tensor in (scale, shift)]
    return functional.layer_norm(x, shape, *given, eps=epsilon)


def instance_normalization(x: Tensor, scale: Tensor, shift: Tensor, *, epsilon: float = 1e-5) -> Tensor:
    return functional.instance_norm(x, weight=scale, bias=shift, eps=epsilon)


def group_normalization(
    x: Tensor, scale: Tensor, shift: Tensor, *, num_groups: int, epsilon: float = 1e-5, stash_type: int = 1
) -> Tensor:
    return functional.group_norm(x, num_groups, scale, shift, epsilon)

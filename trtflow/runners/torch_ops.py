"""Which ONNX operators PyTorch executes here, in the form of opset 22: operator → function on tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from trtflow.runners import torch_math as math
from trtflow.runners import torch_shapes as shapes
from trtflow.runners import torch_windows as windows

functional = torch.nn.functional


@dataclass(frozen=True)
class Operator:
    """``function`` takes the inputs by position, left-out ones as None, and the attributes by name.

    ``numbers``: inputs that decide the shape of what it makes, which it takes as Python's numbers. ``known``: all its
    inputs do so, but as tensors. ``measures``: what it makes depends on shapes alone.
    """

    function: Callable[..., Any]
    numbers: frozenset[int] = frozenset()
    known: bool = False
    measures: bool = False


def _taking(function: Callable[..., Any], *numbers: int) -> Operator:
    return Operator(function, frozenset(numbers))


_PLAIN: Mapping[str, Callable[..., Any]] = {
    "Abs": torch.abs,
    "Acos": torch.acos,
    "Add": torch.add,
    "And": torch.logical_and,
    "ArgMax": math.arg_max,
    "ArgMin": math.arg_min,
    "Asin": torch.asin,
    "Atan": torch.atan,
    "AveragePool": windows.average_pool,
    "BatchNormalization": math.batch_normalization,
    "Cast": shapes.cast,
    "CastLike": shapes.cast_like,
    "Ceil": torch.ceil,
    "Clip": math.clip,
    "Concat": shapes.concat,
    "Conv": windows.conv,
    "ConvTranspose": windows.conv_transpose,
    "Cos": torch.cos,
    "Cosh": torch.cosh,
    "DepthToSpace": shapes.depth_to_space,
    "Div": math.div,
    "Einsum": math.einsum,
    "Elu": math.elu,
    "Equal": torch.eq,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Flatten": shapes.flatten,
    "Floor": torch.floor,
    "Gather": shapes.gather,
    "GatherElements": shapes.gather_elements,
    "GatherND": shapes.gather_nd,
    "Gelu": math.gelu,
    "Gemm": math.gemm,
    "GlobalAveragePool": windows.global_average_pool,
    "GlobalMaxPool": windows.global_max_pool,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "GroupNormalization": math.group_normalization,
    "HardSigmoid": math.hard_sigmoid,
    "HardSwish": functional.hardswish,
    "Identity": shapes.identity,
    "InstanceNormalization": math.instance_normalization,
    "IsInf": math.is_inf,
    "IsNaN": torch.isnan,
    "LayerNormalization": math.layer_normalization,
    "LeakyRelu": math.leaky_relu,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "Log": torch.log,
    "LogSoftmax": math.log_softmax,
    "MatMul": torch.matmul,
    "Max": math.folded(torch.maximum),
    "MaxPool": windows.max_pool,
    "Min": math.folded(torch.minimum),
    "Mish": functional.mish,
    "Mod": math.mod,
    "Mul": torch.mul,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Or": torch.logical_or,
    "PRelu": math.prelu,
    "Pow": math.power,
    "Reciprocal": torch.reciprocal,
    "Relu": torch.relu,
    "Round": torch.round,
    "ScatterElements": shapes.scatter_elements,
    "ScatterND": shapes.scatter_nd,
    "Selu": functional.selu,
    "Sigmoid": torch.sigmoid,
    "Sign": torch.sign,
    "Sin": torch.sin,
    "Sinh": torch.sinh,
    "Softmax": math.softmax,
    "Softplus": functional.softplus,
    "Softsign": functional.softsign,
    "Sqrt": torch.sqrt,
    "Sub": torch.sub,
    "Sum": math.folded(torch.add),
    "Tan": torch.tan,
    "Tanh": torch.tanh,
    "Transpose": shapes.transpose,
    "Where": torch.where,
    "Xor": torch.logical_xor,
}

_REDUCTIONS: Mapping[str, Callable[..., Any]] = {
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keep),
    "ReduceL2": lambda x, axes, keep: x.square().sum(axes, keep).sqrt(),
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keep).log(),
    "ReduceLogSumExp": torch.logsumexp,
    "ReduceMax": torch.amax,
    "ReduceMean": torch.mean,
    "ReduceMin": torch.amin,
    "ReduceProd": math.product,
    "ReduceSum": torch.sum,
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keep),
}

OPERATORS: Mapping[str, Operator] = {
    **{name: Operator(function) for name, function in _PLAIN.items()},
    **{name: _taking(math.reduction(function), 1) for name, function in _REDUCTIONS.items()},
    "ConstantOfShape": _taking(shapes.filled, 0),
    "CumSum": _taking(math.cumulative_sum, 1),
    "Expand": _taking(shapes.expand, 1),
    "Pad": _taking(shapes.pad, 1, 2, 3),
    "Range": Operator(shapes.arange, known=True),
    "Reshape": _taking(shapes.reshape, 1),
    "Resize": _taking(windows.resize, 1, 2, 3),
    "Shape": Operator(shapes.shape, measures=True),
    "Size": Operator(shapes.size, measures=True),
    "Slice": _taking(shapes.cut, 1, 2, 3, 4),
    "Split": _taking(shapes.split, 1),
    "Squeeze": _taking(shapes.squeeze, 1),
    "Tile": _taking(shapes.tile, 1),
    "TopK": _taking(math.top_k, 1),
    "Trilu": _taking(shapes.triangle, 1),
    "Unsqueeze": _taking(shapes.unsqueeze, 1),
}

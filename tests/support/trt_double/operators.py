"""Which layers TensorRT's parser makes of an ONNX operator, as read from TensorRT-RTX 1.7.1's parser."""

from __future__ import annotations

from collections.abc import Mapping

LAYERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("Conv",), ("CONVOLUTION",)),
    "ConvTranspose": ("DECONVOLUTION",),
    "Gemm": ("MATRIX_MULTIPLY", "ELEMENTWISE"),
    "MatMul": ("MATRIX_MULTIPLY",),
    "Einsum": ("EINSUM",),
    **dict.fromkeys(("Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Selu", "Softplus", "Softsign"), ("ACTIVATION",)),
    **dict.fromkeys(("HardSigmoid", "Clip", "Gelu", "Celu", "ThresholdedRelu"), ("ACTIVATION",)),
    "HardSwish": ("ACTIVATION", "ELEMENTWISE"),
    "PRelu": ("PARAMETRIC_RELU",),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Mod", "Sum"), ("ELEMENTWISE",)),
    **dict.fromkeys(("And", "Or", "Xor", "Equal", "Greater", "Less"), ("ELEMENTWISE",)),
    **dict.fromkeys(("GreaterOrEqual", "LessOrEqual"), ("ELEMENTWISE", "ELEMENTWISE", "ELEMENTWISE")),
    **dict.fromkeys(
        ("Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Neg", "Sin", "Cos", "Erf", "Not", "Sign"), ("UNARY",)
    ),
    **dict.fromkeys(("Ceil", "Floor", "Round", "Tan", "Sinh", "Cosh", "Asin", "Acos", "Atan", "IsNaN"), ("UNARY",)),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"), ("REDUCE",)),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), ("REDUCE",)),
    **dict.fromkeys(("ReduceL2",), ("ELEMENTWISE", "REDUCE", "UNARY")),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), ("POOLING",)),
    **dict.fromkeys(("Softmax",), ("SOFTMAX",)),
    "LogSoftmax": ("SOFTMAX", "UNARY"),
    "BatchNormalization": ("SCALE",),
    **dict.fromkeys(("InstanceNormalization", "LayerNormalization", "GroupNormalization"), ("NORMALIZATION",)),
    "LRN": ("LRN",),
    "Concat": ("CONCATENATION",),
    **dict.fromkeys(("Split", "Slice", "Pad", "Expand", "Tile"), ("SLICE",)),
    **dict.fromkeys(("Reshape", "Flatten", "Transpose", "DepthToSpace", "SpaceToDepth"), ("SHUFFLE",)),
    "Unsqueeze": ("UNSQUEEZE",),
    "Squeeze": ("SQUEEZE",),
    **dict.fromkeys(("Gather", "GatherElements", "GatherND"), ("GATHER",)),
    **dict.fromkeys(("ScatterElements", "ScatterND"), ("SCATTER",)),
    "Resize": ("RESIZE",),
    "Upsample": ("RESIZE",),
    "Where": ("SELECT",),
    "Shape": ("SHAPE", "CAST"),
    "Cast": ("CAST",),
    **dict.fromkeys(("Identity", "Dropout"), ("IDENTITY",)),
    "TopK": ("TOPK",),
    **dict.fromkeys(("ArgMax", "ArgMin"), ("TOPK", "SHUFFLE")),
    "QuantizeLinear": ("QUANTIZE",),
    "DequantizeLinear": ("DEQUANTIZE",),
    "GridSample": ("GRID_SAMPLE",),
    "NonZero": ("NON_ZERO",),
    "OneHot": ("ONE_HOT",),
    "NonMaxSuppression": ("NMS",),
    "ConstantOfShape": ("FILL",),
    "Range": ("FILL",),
    "If": ("CONDITION", "CONDITIONAL_OUTPUT"),
    "Loop": ("TRIP_LIMIT", "LOOP_OUTPUT"),
    "Scan": ("TRIP_LIMIT", "LOOP_OUTPUT"),
    "CumSum": ("CUMULATIVE",),
}
"""Operator → types of its layers, the last of which makes its outputs; what stands not here is a plugin."""

OLDER = {"SQUEEZE": "SHUFFLE", "UNSQUEEZE": "SHUFFLE", "CUMULATIVE": "LOOP_OUTPUT"}
"""What older versions, which lack a type, make instead."""

ABSORBED: Mapping[str, frozenset[int]] = {
    **dict.fromkeys(("Conv", "ConvTranspose"), frozenset({1, 2})),
    "BatchNormalization": frozenset({1, 2, 3, 4}),
    **dict.fromkeys(("Clip", "Pad", "Slice", "Resize", "Upsample"), frozenset({1, 2, 3, 4})),
    **dict.fromkeys(("Reshape", "Expand", "Tile", "Split", "TopK", "CumSum"), frozenset({1})),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2"), frozenset({1})),
}
"""Operator → inputs whose constants become attributes of the layer instead of CONSTANT layers."""

BROADCAST = frozenset(
    {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Greater", "Less", "Equal", "PRelu", "Gemm", "MatMul"}
    | {"LayerNormalization"}
)
"""Operators whose constants of lower rank go through a SHUFFLE helper."""
UNSQUEEZED = frozenset({"InstanceNormalization", "GroupNormalization"})
"""Operators whose scale and bias go through an UNSQUEEZE helper."""
PER_OUTPUT = frozenset({"Split"})
"""Operators that become one layer an output."""

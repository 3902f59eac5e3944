"""What each input and output of an operator may hold: the table of slots that stay FP32, with its sources.

A slot takes a low format when the operator's ONNX schema lists the format for it, in the model's opset or in
the one that the rewrite raises the model to (``RAISED``), unless a row below says otherwise. The rows are few
because the schemas already say most: NonMaxSuppression, Resize's scales, Range before opset 27, the scales of
QLinear operators and Q/DQ before opset 19 allow ``tensor(float)`` only.

Slots that share an ONNX type variable are low together or not at all; where a schema gives an operand a variable
of its own (BatchNormalization's statistics, Pow's exponent, GridSample's grid) the operand still follows the
data, because TensorRT's strongly typed parser refuses or up-casts mixed operands (TensorRT-RTX 1.7.1:
IGridSampleLayer and INormalizationLayer "must have identical types", Pow of half and float becomes FP32,
BatchNormalization of half with FP32 statistics is not folded into one scale layer).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import onnx

from trtflow.model.types import formal_parameter, schema_of
from trtflow.precision import BF16, LOW, ROWS, Precision

RAISED = 22
"""The opset that gave BF16 to most operators (Conv, pools, activations): what the rewrite raises to if it must."""

SHAPE_INPUTS: Mapping[str, frozenset[int]] = {
    # Inputs that say how large something is, or where: ONNX operator documents. Floats that lead here are exact
    # integers, and FP16 has no odd integer above 2048. TensorRT computes them as shape tensors.
    "AffineGrid": frozenset({1}),
    "CenterCropPad": frozenset({1}),
    "Col2Im": frozenset({1, 2}),
    "ConstantOfShape": frozenset({0}),
    "CumSum": frozenset({1}),
    "DFT": frozenset({1, 2}),
    "Expand": frozenset({1}),
    "Loop": frozenset({0}),
    "MaxUnpool": frozenset({2}),
    "NonMaxSuppression": frozenset({2}),
    "OneHot": frozenset({1}),
    "Pad": frozenset({1, 3}),
    "Range": frozenset({0, 1, 2}),
    "Reshape": frozenset({1}),
    "Resize": frozenset({1, 2, 3}),
    "STFT": frozenset({1, 3}),
    "Slice": frozenset({1, 2, 3, 4}),
    "Split": frozenset({1}),
    "SplitToSequence": frozenset({1}),
    "Squeeze": frozenset({1}),
    "Tile": frozenset({1, 2}),
    "TopK": frozenset({1}),
    "Trilu": frozenset({1}),
    "Unsqueeze": frozenset({1}),
    "Upsample": frozenset({1}),
}

INDEX_INPUTS: Mapping[str, frozenset[int]] = {
    # Inputs that address elements: a rounded float upstream of the Cast to integer would address another one.
    "Gather": frozenset({1}),
    "GatherElements": frozenset({1}),
    "GatherND": frozenset({1}),
    "OneHot": frozenset({0}),
    "RotaryEmbedding": frozenset({3}),
    "Scatter": frozenset({1}),
    "ScatterElements": frozenset({1}),
    "ScatterND": frozenset({1}),
    "TensorScatter": frozenset({2}),
}

FP32_INPUTS: Mapping[str, frozenset[int]] = {
    # ONNX: ratio has the type variable T1 of its own; it is a probability, not data.
    "Dropout": frozenset({1}),
}

FP32_OUTPUTS: Mapping[str, frozenset[int]] = {
    # ONNX: Mean and InvStdDev have the type that stash_type names (FLOAT unless said otherwise).
    "LayerNormalization": frozenset({1, 2}),
}

_NO_KERNEL = "ONNX Runtime computes it in FP32 only, and adds Casts only to operators with a low input"

FP32_OPERATORS: Mapping[str, str] = {
    # Operators that ONNX allows in a low format, and that still cannot take one.
    "BitCast": "its output has the bits of its input, so that the formats must not change",
    "EyeLike": _NO_KERNEL,
    "MelWeightMatrix": "ONNX Runtime types it FP32 whatever its attribute says",
    "MeanVarianceNormalization": "ONNX's own expansion of it mixes FP32 constants into low tensors",
    "RandomNormal": _NO_KERNEL,
    "RandomUniform": _NO_KERNEL,
}

RECURRENT = frozenset({"GRU", "LSTM", "RNN"})

_NO_BF16: Mapping[Precision, str] = {BF16: "TensorRT does not take it in bf16"}
_NO_LOW: Mapping[Precision, str] = dict.fromkeys(LOW, "TensorRT takes it in FP32 only")

REFUSED: Mapping[str, Mapping[Precision, str]] = {
    # What ONNX allows and the engine refuses: found by building each model of onnx.backend.test with TensorRT-RTX
    # 1.7.1 (``make conformance``, ``make operators``), which builds all of them in FP32.
    "BlackmanWindow": _NO_LOW,  # "Output must be float32-type!"
    "Celu": _NO_LOW,  # the importer's helper operands lose their rank
    "ConvTranspose": _NO_BF16,  # Myelin: "Could not infer output types for operation: deconv"
    "GRU": _NO_BF16,  # the importer subtracts BF16 from an FP32 one
    "GlobalLpPool": _NO_BF16,  # "Only FLOAT and HALF are supported"
    "HammingWindow": _NO_LOW,  # as BlackmanWindow
    "HannWindow": _NO_LOW,  # as BlackmanWindow
    "HardSwish": _NO_BF16,  # "Only FLOAT, HALF or INT8 input is supported"
    "LpNormalization": _NO_BF16,  # "Only float inputs/outputs supported"
    "LpPool": _NO_BF16,  # the same
    "Mish": _NO_BF16,  # "Only FLOAT32 or FLOAT16 input is supported"
    "RandomNormalLike": _NO_BF16,  # "Unsupported data type"
    "RandomUniformLike": _NO_BF16,
    "TensorScatter": _NO_LOW,  # "The cache tensor must be a network input", so no Cast
}

AS_PRODUCED = frozenset({"Shape", "Size"})
"""Operators that look at no value: they read a tensor in whatever format it has."""

EXACT = frozenset(
    {
        *("Abs", "Ceil", "Compress", "Concat", "DepthToSpace", "Expand", "Flatten", "Floor", "Gather"),
        *("GatherElements", "GatherND", "GlobalMaxPool", "Identity", "Max", "MaxPool", "MaxRoiPool", "MaxUnpool"),
        *("Min", "Neg", "Pad", "ReduceMax", "ReduceMin", "Relu", "Reshape", "ReverseSequence", "Round"),
        *("Scatter", "Sign", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "TopK", "Transpose", "Trilu"),
        *("Unsqueeze", "Where"),
    }
)
"""Operators whose outputs, given float inputs that a format holds, are values that the format holds as well, so
that rounding them again changes nothing."""


def is_exact(node: onnx.NodeProto) -> bool:
    """Whether ``node`` belongs to ``EXACT``, or does because of its attributes."""
    if node.op_type in ("Resize", "Upsample"):  # nearest copies values; nearest is also the default
        return all(a.s == b"nearest" for a in node.attribute if a.name == "mode")
    if node.op_type == "Clip":  # a bound that is missing is one of FP32: its largest number, which FP16 has not
        return len(node.input) == 3 and all(node.input)
    return node.op_type in EXACT


@dataclass(frozen=True)
class Slots:
    """Which inputs and outputs of a node take a format."""

    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]


def slots(node: onnx.NodeProto, opset: int, precision: Precision) -> Slots:
    """The slots of the standard operator ``node`` that may hold ``precision``, whatever they hold now.

    ``opset`` is the model's. All False for an operator that ONNX does not know or that stays FP32.
    """
    if node.op_type in FP32_OPERATORS or precision not in LOW:
        return Slots((False,) * len(node.input), (False,) * len(node.output))
    own = allowed(node.op_type, opset, precision)
    if holds_no_tensor(node.op_type, opset) or _has_lengths(node):
        own = Allowed((), ())
    return Slots(
        tuple(bool(name) and own.input(i) and not _stays(node.op_type, i) for i, name in enumerate(node.input)),
        tuple(
            bool(name) and own.output(i) and i not in FP32_OUTPUTS.get(node.op_type, ())
            for i, name in enumerate(node.output)
        ),
    )


@lru_cache(maxsize=4096)
def holds_no_tensor(op: str, opset: int) -> bool:
    """Whether some input or output of ``op`` can only be a sequence or an optional: their types are left alone."""
    schema = schema_of(op, opset)
    formals = () if schema is None else (*schema.inputs, *schema.outputs)
    return any(not any(kind.startswith("tensor(") for kind in formal.types) for formal in formals)


def variables(node: onnx.NodeProto, opset: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ONNX type variable of each input and output of ``node``; "" for a fixed type or heterogeneous rest."""
    schema = schema_of(node.op_type, opset)
    if schema is None:
        return ("",) * len(node.input), ("",) * len(node.output)
    return (
        tuple(_variable(formal_parameter(schema.inputs, i)) for i in range(len(node.input))),
        tuple(_variable(formal_parameter(schema.outputs, i)) for i in range(len(node.output))),
    )


def _variable(formal: onnx.defs.OpSchema.FormalParameter | None) -> str:
    if formal is None or not formal.is_homogeneous or "(" in formal.type_str:
        return ""
    return str(formal.type_str)


def _stays(op: str, index: int) -> bool:
    return any(index in table.get(op, ()) for table in (SHAPE_INPUTS, INDEX_INPUTS, FP32_INPUTS))


@dataclass(frozen=True)
class Allowed:
    """The slots for which a schema lists a format; a variadic parameter answers for all that follow it."""

    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]
    input_tail: bool = False
    output_tail: bool = False

    def input(self, index: int) -> bool:
        """Whether the input at ``index`` takes the format."""
        return self.inputs[index] if index < len(self.inputs) else self.input_tail

    def output(self, index: int) -> bool:
        """Whether the output at ``index`` takes the format."""
        return self.outputs[index] if index < len(self.outputs) else self.output_tail

    def any(self) -> bool:
        """Whether any slot takes it."""
        return any((*self.inputs, *self.outputs))


@lru_cache(maxsize=4096)
def allowed(op: str, opset: int, precision: Precision) -> Allowed:
    """The slots of ``op`` that take ``precision`` in ``opset``, or else in ``RAISED`` when ``opset`` is lower."""
    if opset < ROWS[precision].opset or precision in REFUSED.get(op, {}):
        return Allowed((), ())
    now = _listed(schema_of(op, opset), precision)
    if now.any() or opset >= RAISED:
        return now
    raised = schema_of(op, RAISED)
    return now if raised is None or raised.deprecated else _listed(raised, precision)


def _has_lengths(node: onnx.NodeProto) -> bool:
    """Whether ``node`` is recurrent with sequence_lens (input 4).

    TensorRT-RTX 1.7.1 then selects between a low and an FP32 tensor and refuses its own layer: "ISelectLayer must
    have ``thenInput`` and ``elseInput`` of same types but has Half and Float".
    """
    return node.op_type in RECURRENT and len(node.input) > 4 and bool(node.input[4])


def refusal(node: onnx.NodeProto, precision: Precision) -> str:
    """Why no slot of ``node`` takes ``precision``, in words for a report."""
    if _has_lengths(node):
        return f"{node.op_type}: TensorRT takes sequence_lens in FP32 only"
    reason = FP32_OPERATORS.get(node.op_type) or REFUSED.get(node.op_type, {}).get(precision)
    reason = reason or f"ONNX has no {precision} form of it"
    return f"{node.op_type}: {reason}"


def listed(op: str, opset: int, precision: Precision) -> bool:
    """Whether ``op`` takes ``precision`` anywhere in ``opset`` itself."""
    return _listed(schema_of(op, opset), precision).any()


def _listed(schema: onnx.defs.OpSchema | None, precision: Precision) -> Allowed:
    if schema is None:
        return Allowed((), ())
    wanted = ROWS[precision].names.schema
    inputs = tuple(wanted in formal.types for formal in schema.inputs)
    outputs = tuple(wanted in formal.types for formal in schema.outputs)
    beyond = (formal_parameter(schema.inputs, 1 << 16), formal_parameter(schema.outputs, 1 << 16))
    tails = [formal is not None and wanted in formal.types for formal in beyond]
    return Allowed(inputs, outputs, *tails)

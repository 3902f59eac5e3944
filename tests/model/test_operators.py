from __future__ import annotations

import onnx
import pytest
from graph_models import node

from trtflow.model.operators import (
    EXACT,
    FP32_OPERATORS,
    RAISED,
    RECURRENT,
    REFUSED,
    holds_no_tensor,
    is_exact,
    listed,
    refusal,
    slots,
    variables,
)
from trtflow.model.types import schema_of
from trtflow.plan import Precision


def low(proto: onnx.NodeProto, precision: Precision = "fp16", opset: int = 17) -> tuple[list[int], list[int]]:
    found = slots(proto, opset, precision)
    return [i for i, ok in enumerate(found.inputs) if ok], [i for i, ok in enumerate(found.outputs) if ok]


SLOTS = {
    "data and weights": (node("Conv", "x w b", "y"), ([0, 1, 2], [0])),
    "missing inputs": (node("Resize", "x - - s", "y"), ([0], [0])),
    "sizes": (node("Reshape", "x s", "y"), ([0], [0])),
    "indices": (node("Gather", "x i", "y"), ([0], [0])),
    "a probability": (node("Dropout", "x r", "y m"), ([0], [0])),
    "statistics": (node("LayerNormalization", "x w", "y m v"), ([0, 1], [0])),
    "variadic": (node("Concat", "a b c d", "y", axis=0), ([0, 1, 2, 3], [0])),
    "exact bits": (node("BitCast", "x", "y"), ([], [])),
    "sequences": (node("SplitToSequence", "x", "s"), ([], [])),
    "unknown": (node("Nobody", "x", "y"), ([], [])),
    "recurrent": (node("LSTM", "x w r b", "y"), ([0, 1, 2, 3], [0])),
    "recurrent with lengths": (node("LSTM", "x w r b n", "y"), ([], [])),
    "lengths left out": (node("LSTM", "x w r b - h", "y"), ([0, 1, 2, 3, 5], [0])),
}


@pytest.mark.parametrize(("proto", "expected"), SLOTS.values(), ids=SLOTS)
def test_slots_that_take_fp16(proto: onnx.NodeProto, expected: tuple[list[int], list[int]]) -> None:
    assert low(proto) == expected


@pytest.mark.parametrize(
    ("op", "opset", "expected"),
    [("Relu", 12, ([], [])), ("Relu", 13, ([0], [0])), ("Mish", 18, ([], [])), ("Range", 17, ([], []))],
)
def test_slots_that_take_bf16(op: str, opset: int, expected: tuple[list[int], list[int]]) -> None:
    assert low(node(op, "x", "y"), "bf16", opset) == expected


@pytest.mark.parametrize("precision", ["int8", "fp8", "fp32"])
def test_no_slot_takes_what_is_no_low_float_format(precision: Precision) -> None:
    assert low(node("Relu", "x", "y"), precision) == ([], [])


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        (node("Resize", "x", "y"), True),
        (node("Resize", "x", "y", mode="nearest"), True),
        (node("Resize", "x", "y", mode="linear"), False),
        (node("Clip", "x a b", "y"), True),
        (node("Clip", "x a", "y"), False),  # the other bound is one of FP32
        (node("Clip", "x - b", "y"), False),
        (node("Relu", "x", "y"), True),
        (node("Sigmoid", "x", "y"), False),
        (node("Add", "x x", "y"), False),
    ],
    ids=str,
)
def test_an_operator_is_exact_when_it_makes_no_new_values(proto: onnx.NodeProto, expected: bool) -> None:
    assert is_exact(proto) is expected


@pytest.mark.parametrize(
    ("proto", "precision", "reason"),
    [
        (node("LSTM", "x w r b n", "y"), "fp16", "LSTM: TensorRT takes sequence_lens in FP32 only"),
        (node("Mish", "x", "y"), "bf16", "Mish: TensorRT does not take it in bf16"),
        (node("Celu", "x", "y"), "fp16", "Celu: TensorRT takes it in FP32 only"),
        (node("BitCast", "x", "y"), "fp16", "BitCast: ONNX has no fp16 form of it"),
    ],
)
def test_a_refusal_names_the_operator_and_who_refuses(
    proto: onnx.NodeProto, precision: Precision, reason: str
) -> None:
    assert refusal(proto, precision) == reason


def test_type_variables_tell_which_slots_go_together() -> None:
    assert variables(node("Where", "c x y", "z"), 17) == (("B", "T", "T"), ("T",))
    assert variables(node("Shape", "x", "s"), 17) == (("T",), ("T1",))
    assert variables(node("Nobody", "x y", "z"), 17) == (("", ""), ("",))


@pytest.mark.parametrize(("op", "expected"), [("SequenceAt", True), ("Relu", False), ("Identity", False)])
def test_operators_on_sequences_alone_hold_no_tensor(op: str, expected: bool) -> None:
    assert holds_no_tensor(op, 17) is expected


@pytest.mark.parametrize(("opset", "expected"), [(17, False), (RAISED, True)])
def test_bf16_is_listed_for_conv_from_the_opset_that_models_are_raised_to(opset: int, expected: bool) -> None:
    assert listed("Conv", opset, "bf16") is expected


@pytest.mark.parametrize("op", sorted({*EXACT, *RECURRENT, *REFUSED, *FP32_OPERATORS}))
def test_every_operator_of_the_tables_is_one_of_onnx(op: str) -> None:
    assert schema_of(op, onnx.defs.onnx_opset_version()) is not None

from __future__ import annotations

import onnx
import pytest
from graph_models import node
from hypothesis import given
from hypothesis import strategies as st

from trtflow.model.operators import (
    EXACT,
    FP32_INPUTS,
    FP32_OPERATORS,
    INDEX_INPUTS,
    RAISED,
    RECURRENT,
    REFUSED,
    SHAPE_INPUTS,
    Allowed,
    allowed,
    holds_no_tensor,
    is_exact,
    listed,
    refusal,
    slots,
    variables,
)
from trtflow.model.types import schema_of
from trtflow.plan import Precision
from trtflow.precision import LOW


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
        (node("Range", "a b c", "y"), "fp16", "Range: ONNX has no fp16 form of it"),
        (node("EyeLike", "x", "y"), "fp16", f"EyeLike: {FP32_OPERATORS['EyeLike']}"),
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


TABLES = {"SHAPE_INPUTS": SHAPE_INPUTS, "INDEX_INPUTS": INDEX_INPUTS, "FP32_INPUTS": FP32_INPUTS}
ROWS = [(op, index) for table in TABLES.values() for op, indices in table.items() for index in sorted(indices)]


@pytest.mark.parametrize(("op", "index"), ROWS, ids=str)
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_what_says_how_large_or_where_is_never_low(op: str, index: int, precision: Precision) -> None:
    proto = node(op, " ".join("abcdefg"[: index + 1]), "y")
    assert not slots(proto, RAISED, precision).inputs[index]


@pytest.mark.parametrize("op", sorted(REFUSED))
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_what_the_engine_refuses_has_no_slot_and_what_it_takes_has_one(op: str, precision: Precision) -> None:
    proto = node(op, "x w r", "y")
    assert any(slots(proto, 24, precision).outputs) == (precision not in REFUSED[op])


@pytest.mark.parametrize("op", sorted(FP32_OPERATORS))
def test_what_stays_fp32_has_no_slot_in_any_format(op: str) -> None:
    assert all(low(node(op, "x", "y"), precision, 26) == ([], []) for precision in LOW)


SCHEMAS = sorted({schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""})


@pytest.mark.parametrize("precision", LOW)
def test_no_slot_takes_what_no_schema_lists(precision: Precision) -> None:
    wanted = f"tensor({'float16' if precision == 'fp16' else 'bfloat16'})"
    for op in SCHEMAS:
        schema = schema_of(op, RAISED)
        formals = () if schema is None else (*schema.inputs, *schema.outputs)
        if not any(wanted in formal.types for formal in formals):
            assert low(node(op, "a b c d e", "y z"), precision, RAISED) == ([], []), op


@given(st.sampled_from(SCHEMAS), st.integers(7, 24), st.sampled_from(sorted(LOW)))
def test_names_that_are_left_out_are_no_slots_and_every_name_has_an_answer(
    op: str, opset: int, precision: Precision
) -> None:
    proto = onnx.helper.make_node(op, ["a", "", "c", "", "e", "f"], ["y", "", "z"])
    found = slots(proto, opset, precision)
    assert (len(found.inputs), len(found.outputs)) == (6, 3)
    assert (found.inputs[1], found.inputs[3], found.outputs[1]) == (False, False, False)


@given(st.sampled_from(SCHEMAS), st.integers(13, RAISED))
def test_a_format_that_an_opset_lists_is_listed_after_raising(op: str, opset: int) -> None:
    raised = schema_of(op, RAISED)
    if raised is not None and not raised.deprecated and op not in REFUSED:
        assert allowed(op, opset, "fp16").any() == (listed(op, opset, "fp16") or listed(op, RAISED, "fp16"))


@pytest.mark.parametrize(("index", "expected"), [(0, True), (1, False), (2, True), (9, True)])
def test_a_variadic_slot_answers_for_all_that_follow(index: int, expected: bool) -> None:
    found = Allowed((True, False), (False,), input_tail=True)
    assert found.input(index) is expected
    assert (found.output(0), found.output(1), found.any()) == (False, False, True)


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        (node("Split", "x s", "a b"), (("T", ""), ("T", "T"))),
        (node("Concat", "a b c", "y"), (("T",) * 3, ("T",))),
        (node("Loop", "n c v", "y"), (("I", "B", ""), ("",))),  # heterogeneous: each its own type
        (node("BatchNormalization", "x s b m v", "y"), (("T", "T1", "T1", "T2", "T2"), ("T",))),
        (node("TopK", "x k", "v i"), (("T", ""), ("T", "I"))),
    ],
    ids=lambda entry: entry.op_type if isinstance(entry, onnx.NodeProto) else "",
)
def test_fixed_and_heterogeneous_slots_have_no_variable(
    proto: onnx.NodeProto, expected: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    found = variables(proto, 17)
    assert (found[0], found[1]) == (expected[0], expected[1])

from __future__ import annotations

import onnx
import pytest
from graph_models import conv_net, f32, i64, info, model, node
from onnx import TensorProto, helper

from trtflow.model import operators as slots
from trtflow.model.analysis import candidates
from trtflow.model.operators import RAISED
from trtflow.model.types import schema_of

INT, FLOAT = TensorProto.INT64, TensorProto.FLOAT


def names(net: onnx.ModelProto) -> list[str]:
    return [n.name.removeprefix("n_") for n in candidates(net)]


def test_a_convolutional_net_is_all_candidates_in_topological_order() -> None:
    assert names(conv_net()) == ["c1", "n1", "r1", "p1", "c2", "s2", "a2", "u2", "k", "y"]


SIZES = {
    "Resize": node("Resize", "x - - i", "y"),
    "Reshape": node("Reshape", "x i", "y"),
    "Expand": node("Expand", "x i", "y"),
    "Tile": node("Tile", "x i", "y"),
    "Pad": node("Pad", "x i", "y"),
    "Slice": node("Slice", "x i j", "y"),
    "Slice ends": node("Slice", "x j i", "y"),
    "TopK": node("TopK", "x i", "y z"),
    "Split": node("Split", "x i", "y z"),
    "Gather": node("Gather", "x i", "y"),
    "GatherND": node("GatherND", "x i", "y"),
    "OneHot": node("OneHot", "j i v", "y"),
}


@pytest.mark.parametrize("reader", SIZES.values(), ids=SIZES)
def test_float_arithmetic_on_sizes_and_indices_is_no_candidate(reader: onnx.NodeProto) -> None:
    chain = [
        node("Shape", "x", "s"),
        node("Cast", "s", "f", to=FLOAT),
        node("Mul", "f two", "d"),
        node("Floor", "d", "e"),
        node("Cast", "e", "i", to=INT),
    ]
    weights = [f32("two", [2, 2]), i64("j", [0, 0]), f32("v", [0, 1])]
    net = model([*chain, reader], [info("x", [4, 4])], [info("y", None)], weights)
    assert names(net) == ["y"]


def test_float_range_and_constant_of_shape_are_handled_as_sizes() -> None:
    nodes = [
        node("Cast", "n", "f", to=FLOAT),
        node("Mul", "f two", "limit"),
        node("Range", "zero limit one", "steps"),
        node("Mul", "steps two", "scaled"),
        node("Sin", "scaled", "y"),
    ]
    weights = [f32("zero", 0), f32("one", 1), f32("two", 2)]
    net = model(nodes, [info("n", [], INT)], [info("y", None)], weights)
    assert names(net) == ["scaled", "y"]


@pytest.mark.parametrize("opset", [17, 27])
def test_range_is_no_candidate_even_where_onnx_allows_it_low(opset: int) -> None:
    net = model(
        [node("Range", "a b c", "r"), node("Neg", "r", "y")],
        [info(n, []) for n in "abc"],
        [info("y", None)],
        opset=opset,
    )
    assert names(net) == ["y"]


def test_the_slice_stops_at_operators_that_compute_on_data() -> None:
    nodes = [
        node("MatMul", "x w", "logits"),
        node("Softmax", "logits", "p"),
        node("ArgMax", "p", "token"),
        node("Gather", "table token", "y"),
    ]
    weights = [f32("w", [[1.0]]), f32("table", [[1.0]])]
    net = model(nodes, [info("x", [1, 1])], [info("y", None)], weights)
    assert names(net) == ["logits", "p", "token", "y"]


@pytest.mark.parametrize(
    "outsider",
    [
        node("Add", "i i", "y"),  # integers
        node("Shape", "x", "y"),
        node("Constant", "", "y", value=f32("", 1)),
        node("NonMaxSuppression", "x3 x3", "y"),
        node("Gelu", "x", "y", domain="com.microsoft"),
        node("SequenceConstruct", "x x", "y"),
        node("BitCast", "x", "y", to=TensorProto.INT32),
    ],
    ids=lambda n: n.op_type,
)
def test_nodes_whose_precision_cannot_be_chosen(outsider: onnx.NodeProto) -> None:
    inputs = [info("x", [4]), info("x3", [1, 4, 4]), info("i", [4], INT)]
    net = model([outsider], inputs, [helper.make_value_info("y", onnx.TypeProto())], opset=26)
    net.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert names(net) == []


def test_every_row_of_the_tables_names_an_operator_and_slot_that_onnx_has() -> None:
    tables = (slots.SHAPE_INPUTS, slots.INDEX_INPUTS, slots.FP32_INPUTS)
    for op, indices in ((op, indices) for table in tables for op, indices in table.items()):
        schema = schema_of(op, 28)
        assert schema is not None, op
        assert max(indices) < max(len(schema.inputs), 3 if op in ("Tile", "Upsample", "Squeeze") else 0), op
    for op in (*slots.REFUSED, *slots.FP32_OPERATORS, *slots.EXACT, *slots.FP32_OUTPUTS):
        assert schema_of(op, 28) is not None, op


def test_float_slots_that_stay_fp32_share_no_type_variable_with_low_ones() -> None:
    """Else a rewrite would bind one variable to two types."""
    shared = []
    for op, indices in (*slots.SHAPE_INPUTS.items(), *slots.INDEX_INPUTS.items(), *slots.FP32_INPUTS.items()):
        schema = schema_of(op, RAISED)
        if schema is None or schema.deprecated:
            continue
        low = [(i, f.type_str) for i, f in enumerate(schema.inputs) if "tensor(float16)" in f.types]
        stay = {kind for i, kind in low if i in indices}
        shared += [op for i, kind in low if i not in indices and kind in stay]
    assert shared == []

from __future__ import annotations

import onnx
import pytest
from graph_models import conv_net, f32, i64, info, model, node
from onnx import TensorProto, helper

from trtflow.errors import ModelError
from trtflow.model import operators as slots
from trtflow.model.analysis import analyse, candidates, is_boundary_cast, shape_chains
from trtflow.model.operators import RAISED
from trtflow.model.types import schema_of
from trtflow.precision import Precision

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


@pytest.mark.parametrize(
    ("names", "message"),
    [(("a", "a"), "two nodes are called 'a'"), (("a", ""), "a Neg node has no name")],
)
def test_nodes_that_cannot_be_told_apart_are_refused(names: tuple[str, str], message: str) -> None:
    nodes = [helper.make_node("Neg", ["x"], ["t"], names[0]), helper.make_node("Neg", ["t"], ["y"], names[1])]
    with pytest.raises(ModelError, match=f"{message}; node names must be unique"):
        candidates(model(nodes, [info("x", [4])], [info("y", None)]))


@pytest.mark.parametrize(
    ("before", "after", "boundary"),
    [
        (TensorProto.FLOAT16, FLOAT, True),
        (FLOAT, TensorProto.BFLOAT16, True),
        (FLOAT, TensorProto.DOUBLE, True),
        (TensorProto.DOUBLE, FLOAT, True),
        (FLOAT, FLOAT, False),
        (FLOAT, INT, False),
        (INT, FLOAT, False),
    ],
)
def test_a_cast_that_keeps_an_interface_is_no_candidate(before: int, after: int, boundary: bool) -> None:
    net = model([node("Cast", "x", "y", to=after)], [info("x", [4], before)], [info("y", None, after)])
    analysis = analyse(net)
    assert is_boundary_cast(analysis.scopes[0], net.graph.node[0], analysis.types) is boundary
    assert names(net) == ([] if boundary else ["y"])


def body(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), "body", [], [info(nodes[-1].output[0], None)])


def test_bodies_follow_the_node_that_owns_them_and_know_their_way() -> None:
    then = body(node("Exp", "x", "t"), node("Neg", "t", "u"))
    owner = helper.make_node("If", ["c"], ["z"], "if", then_branch=then, else_branch=body(node("Abs", "x", "e")))
    nodes = [node("Relu", "x", "r"), owner, node("Neg", "z", "y")]
    net = model(nodes, [info("x", [4]), info("c", [], TensorProto.BOOL)], [info("y", None)])
    found = {info.name: info.scope for info in candidates(net)}
    assert found == {
        "n_r": "", "n_y": "", "n_e": "/if.else_branch", "n_t": "/if.then_branch", "n_u": "/if.then_branch",
    }  # fmt: skip


def test_a_size_that_a_body_reads_from_outside_is_still_a_size() -> None:
    chain = [node("Shape", "x", "s"), node("Cast", "s", "f", to=FLOAT), node("Mul", "f two", "d")]
    inner = [node("Cast", "d", "i", to=INT), node("Expand", "x i", "u")]
    owner = node("If", "c", "y", then_branch=body(*inner), else_branch=body(node("Abs", "x", "e")))
    net = model(
        [*chain, owner], [info("x", [4]), info("c", [], TensorProto.BOOL)], [info("y", None)], [f32("two", 2)]
    )
    assert names(net) == ["e", "u"]


def test_a_size_that_nothing_makes_is_no_error() -> None:
    net = model([node("Reshape", "x nowhere", "y")], [info("x", [4])], [info("y", None)])
    assert shape_chains(list(analyse(net).scopes)) == frozenset()


SLOTS = {
    "an index stays": (node("Gather", "x i", "y"), "fp16", ([True, False], [True])),
    "one input left out": (node("Clip", "x - one", "y"), "fp16", ([True, False, True], [True])),
    "integers stay": (node("Where", "b x x", "y"), "bf16", ([False, True, True], [True])),
    "an operator without the form": (node("Mish", "x", "y"), "bf16", ([False], [False])),
}


@pytest.mark.parametrize(("proto", "precision", "expected"), SLOTS.values(), ids=SLOTS)
def test_low_slots_are_the_fp32_tensors_that_can_be(
    proto: onnx.NodeProto, precision: Precision, expected: tuple[list[bool], list[bool]]
) -> None:
    inputs = [info("x", [4]), info("i", [1], INT), info("b", [4], TensorProto.BOOL)]
    net = model([proto, node("Relu", "x", "z")], inputs, [info("y", None), info("z", None)], [f32("one", 1)], 18)
    found = analyse(net).low_slots("n_y", precision)
    assert (list(found.inputs), list(found.outputs)) == expected


def test_where_a_type_is_not_known_no_slot_is_low() -> None:
    nodes = [node("Strange", "x", "s", domain="own"), node("Mul", "s s", "y")]
    net = model(nodes, [info("x", [4])], [onnx.ValueInfoProto(name="y")])
    net.opset_import.append(helper.make_opsetid("own", 1))
    assert analyse(net).low_slots("n_y", "fp16") == slots.Slots((False, False), (False,))
    assert names(net) == []


def test_a_double_beside_is_no_fp32() -> None:
    double = TensorProto.DOUBLE
    net = model([node("Add", "x x", "y")], [info("x", [4], double)], [info("y", None, double)])
    assert names(net) == []

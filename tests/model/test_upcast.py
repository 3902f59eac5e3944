from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto, helper, numpy_helper

from trtflow.model.edit import clone
from trtflow.model.types import infer
from trtflow.model.upcast import TYPE_ATTRIBUTES, drop_noop_casts, keep_interface, retype

FLOAT, HALF, BRAIN, INT = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT64


def half(name: str, values: list[float], elem: int = HALF) -> onnx.TensorProto:
    return helper.make_tensor(name, elem, [len(values)], values)


@pytest.mark.parametrize("elem", [HALF, BRAIN])
def test_every_low_type_inside_becomes_float_and_is_counted(elem: int) -> None:
    nodes = [
        helper.make_node("Constant", [], ["k"], "k", value=half("", [0.1], elem)),
        node("Cast", "x", "c", to=elem),
        node("Add", "c w", "y"),
    ]
    net = model(nodes, [info("x", [1], elem)], [info("y", [1], elem)], [half("w", [0.1], elem)])
    net.graph.value_info.append(info("c", [1], elem))
    exact = onnx.numpy_helper.to_array(half("", [0.1], elem)).astype(np.float32)
    assert retype(net) == 6
    assert {v.type.tensor_type.elem_type for v in (*net.graph.input, *net.graph.output, *net.graph.value_info)} == {
        FLOAT
    }
    assert net.graph.node[1].attribute[0].i == FLOAT
    for tensor in (net.graph.initializer[0], net.graph.node[0].attribute[0].t):
        assert tensor.data_type == FLOAT
        assert numpy_helper.to_array(tensor) == exact  # the rounded value, not 0.1


def test_types_of_sequences_and_in_attributes_follow() -> None:
    given = helper.make_tensor_sequence_value_info("s", HALF, [2])
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(HALF, [2]))
    nodes = [
        helper.make_node("Optional", [], ["o"], "o", type=kind.optional_type.elem_type),
        node("SequenceAt", "s i", "y"),
    ]
    net = model(nodes, [given, info("i", [], INT)], [info("y", [2], HALF)])
    assert retype(net) == 3
    assert net.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type == FLOAT
    assert net.graph.node[0].attribute[0].tp.tensor_type.elem_type == FLOAT


def test_integers_that_happen_to_name_a_low_type_stay() -> None:
    net = model([node("Concat", "x x", "y", axis=HALF)], [info("x", [1] * 11)], [info("y", None)])
    before = clone(net)
    assert retype(net) == 0
    assert net == before


def upcast(net: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    types, copy = infer(net), clone(net)
    retype(copy)
    return copy, keep_interface(copy, types)


def test_low_inputs_and_outputs_keep_their_types_behind_casts() -> None:
    net = model(
        [node("Relu", "x", "y"), node("Neg", "z", "v")],
        [info("x", [2], HALF), info("z", [2])],
        [info("y", [2], BRAIN), info("v", [2])],
    )
    net.graph.output[0].type.tensor_type.elem_type = HALF
    exact, kept = upcast(net)
    assert kept == ["x", "y"]
    assert [(n.op_type, n.name, n.input[0], n.output[0]) for n in exact.graph.node] == [
        ("Cast", "x__cast", "x", "x__fp32"),
        ("Relu", "n_y", "x__fp32", "y__fp32"),
        ("Neg", "n_v", "z", "v"),
        ("Cast", "y__cast", "y__fp32", "y"),
    ]
    assert [n.attribute[0].i for n in exact.graph.node if n.op_type == "Cast"] == [FLOAT, HALF]
    assert [v.type.tensor_type.elem_type for v in (*exact.graph.input, *exact.graph.output)] == [HALF, FLOAT] * 2


def test_an_output_that_is_an_input_as_well_has_its_type_already() -> None:
    net = model([node("Relu", "x", "y")], [info("x", [2], HALF)], [info("x", [2], HALF), info("y", [2], HALF)])
    exact, kept = upcast(net)
    assert kept == ["x", "y"]
    assert [n.name for n in exact.graph.node] == ["x__cast", "n_y", "y__cast"]
    assert [value.name for value in exact.graph.output] == ["x", "y"]


def test_casts_to_the_type_that_a_tensor_has_go_and_their_readers_read_on() -> None:
    nodes = [
        node("Cast", "x", "a", to=FLOAT),
        node("Cast", "a", "b", to=FLOAT),
        node("Cast", "b", "i", to=INT),
        node("Cast", "b", "y", to=FLOAT),
        node("Neg", "b", "z"),
    ]
    net = model(nodes, [info("x", [2])], [info("i", [2], INT), info("y", [2]), info("z", [2])])
    assert drop_noop_casts(net) == 3
    assert [(n.op_type, n.input[0], n.output[0]) for n in net.graph.node] == [
        ("Cast", "x", "i"),
        ("Identity", "x", "y"),  # an output keeps its name
        ("Neg", "x", "z"),
    ]
    assert drop_noop_casts(net) == 0


def test_noop_casts_in_bodies_go_too() -> None:
    then = helper.make_graph([node("Cast", "a", "t", to=FLOAT), node("Neg", "t", "u")], "then", [], [info("u", None)])
    other = helper.make_graph([node("Abs", "a", "e")], "else", [], [info("e", None)])
    nodes = [
        node("Cast", "x", "a", to=FLOAT),
        helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other),
    ]
    net = model(nodes, [info("x", [2]), info("c", [], TensorProto.BOOL)], [info("y", None)], [f32("w", [1])])
    assert drop_noop_casts(net) == 2
    bodies = {a.name: a.g for a in net.graph.node[0].attribute}
    assert [[n.op_type, *n.input] for n in bodies["then_branch"].node] == [["Neg", "x"]]
    assert [[n.op_type, *n.input] for n in bodies["else_branch"].node] == [["Abs", "x"]]


def test_a_cast_of_a_type_that_nothing_tells_stays() -> None:
    net = model(
        [node("Nobody", "x", "a", domain="own"), node("Cast", "a", "y", to=FLOAT)], [info("x", [1])], [info("y", [1])]
    )
    net.opset_import.append(helper.make_opsetid("own", 1))
    assert drop_noop_casts(net) == 0


def test_sparse_weights_and_sparse_types_become_float_too() -> None:
    values = half("w", [0.5, 2.0])
    sparse = helper.make_sparse_tensor(values, helper.make_tensor("w_at", INT, [2], [0, 3]), [4])
    nodes = [helper.make_node("Constant", [], ["k"], "k", sparse_value=sparse), node("Add", "x w", "y")]
    net = model(nodes, [info("x", [4])], [info("y", [4])])
    net.graph.sparse_initializer.append(sparse)
    net.graph.value_info.append(
        onnx.ValueInfoProto(
            name="w", type=onnx.TypeProto(sparse_tensor_type=onnx.TypeProto.SparseTensor(elem_type=HALF))
        )
    )
    assert retype(net) == 3
    assert net.graph.sparse_initializer[0].values.data_type == FLOAT
    assert net.graph.node[0].attribute[0].sparse_tensor.values.data_type == FLOAT
    assert net.graph.value_info[0].type.sparse_tensor_type.elem_type == FLOAT


@pytest.mark.parametrize("name", sorted(TYPE_ATTRIBUTES))
def test_each_attribute_that_names_a_type_is_an_integer_somewhere(name: str) -> None:
    kinds = {s.attributes[name].type for s in onnx.defs.get_all_schemas() if name in s.attributes}
    assert kinds == {onnx.defs.OpSchema.AttrType.INT}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("dtype", HALF, FLOAT), ("to", INT, INT), ("axis", HALF, HALF), ("to", BRAIN, FLOAT)],
)
def test_only_attributes_that_name_a_low_type_change(name: str, value: int, expected: int) -> None:
    net = model([node("Some", "x", "y", **{name: value})], [info("x", [1])], [info("y", None)])
    assert retype(net) == int(value != expected)
    assert net.graph.node[0].attribute[0].i == expected

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto, helper, numpy_helper

from trtflow.model.scopes import constant_tensor, is_constant, opset, scopes, subgraphs, uses_standard_operators


def nested() -> onnx.ModelProto:
    """An If inside an If; both branches of the outer one make a tensor t, and the inner one reads x and t."""
    inner = helper.make_graph([node("Add", "x t", "i")], "inner", [], [info("i", None)])
    both = {"then_branch": inner, "else_branch": inner}
    nodes = [node("Neg", "x", "t", "first"), helper.make_node("If", ["c"], ["u"], "deep", **both)]
    then = helper.make_graph(nodes, "then", [], [info("u", None)])
    other = helper.make_graph([node("Abs", "w", "t", "second")], "else", [], [info("t", None)])
    owner = helper.make_node("If", ["c"], ["y"], "top", then_branch=then, else_branch=other)
    inputs = [info("x", [2]), info("c", [], TensorProto.BOOL)]
    return model([owner], inputs, [info("y", None)], [f32("w", [1, 2])])


def test_every_graph_is_a_scope_named_by_its_way_and_before_the_bodies_inside_it() -> None:
    assert [scope.path for scope in scopes(nested())] == [
        *("", "/top.else_branch", "/top.then_branch"),  # ONNX's helper sorts attributes
        *("/top.then_branch/deep.else_branch", "/top.then_branch/deep.then_branch"),
    ]


@pytest.mark.parametrize(
    ("place", "name", "key"),
    [
        (4, "t", ("/top.then_branch", "t")),
        (4, "x", ("", "x")),
        (4, "i", ("/top.then_branch/deep.then_branch", "i")),
        (1, "t", ("/top.else_branch", "t")),
        (1, "nowhere", ("/top.else_branch", "nowhere")),
        (0, "t", ("", "t")),  # what a body makes is not seen from outside
    ],
)
def test_a_name_means_the_nearest_tensor(place: int, name: str, key: tuple[str, str]) -> None:
    assert scopes(nested())[place].key(name) == key


def test_producers_and_constants_are_found_through_the_scopes_around() -> None:
    inner = scopes(nested())[4]
    producer, constant = inner.producer("t"), inner.constant("w")
    assert producer is not None
    assert producer.name == "first"
    assert constant is not None
    assert list(numpy_helper.to_array(constant)) == [1, 2]
    assert [inner.producer(name) for name in ("x", "w", "nowhere")] == [None] * 3
    assert [inner.constant(name) for name in ("x", "t", "nowhere")] == [None] * 3


def test_children_are_listed_by_the_node_that_owns_them() -> None:
    main, _, then, *_ = scopes(nested())
    assert [child.path for child in main.children["top"]] == ["/top.else_branch", "/top.then_branch"]
    assert list(then.children) == ["deep"]


def test_bodies_are_listed_with_the_attribute_that_holds_them() -> None:
    graphs = [helper.make_graph([], name, [], []) for name in "ab"]
    owner = onnx.NodeProto(op_type="Many")
    owner.attribute.append(helper.make_attribute("one", graphs[0]))
    owner.attribute.append(helper.make_attribute("list", graphs))
    assert [(name, graph.name) for name, graph in subgraphs(owner)] == [
        ("one", "a"),
        ("list[0]", "a"),
        ("list[1]", "b"),
    ]


CONSTANTS = {
    "tensor": ({"value": f32("", [1, 2])}, np.array([1, 2], np.float32)),
    "float": ({"value_float": 1.5}, np.array(1.5, np.float32)),
    "floats": ({"value_floats": [1.5, 2.0]}, np.array([1.5, 2], np.float32)),
    "int": ({"value_int": 3}, np.array(3)),
    "ints": ({"value_ints": [3, 4]}, np.array([3, 4])),
}


@pytest.mark.parametrize(("attributes", "expected"), CONSTANTS.values(), ids=CONSTANTS)
def test_a_constant_is_read_from_whichever_attribute_holds_it(attributes: dict, expected: np.ndarray) -> None:
    tensor = constant_tensor(helper.make_node("Constant", [], ["k"], **attributes))
    assert tensor is not None
    found = numpy_helper.to_array(tensor)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected, strict=True)


def test_constants_of_strings_hold_no_tensor_of_numbers() -> None:
    assert constant_tensor(helper.make_node("Constant", [], ["k"], value_string="a")) is None


@pytest.mark.parametrize(
    ("op", "domain", "expected"),
    [("Constant", "", True), ("Constant", "ai.onnx", True), ("Constant", "own", False), ("Relu", "", False)],
)
def test_only_onnxs_own_constant_is_one(op: str, domain: str, expected: bool) -> None:
    assert is_constant(onnx.NodeProto(op_type=op, domain=domain)) is expected


@pytest.mark.parametrize(
    ("imports", "version", "standard"),
    [([("", 17)], 17, True), ([("own", 3), ("ai.onnx", 12)], 12, True), ([("own", 3)], 1, False), ([], 1, False)],
)
def test_the_opset_is_that_of_the_standard_operators(
    imports: list[tuple[str, int]], version: int, standard: bool
) -> None:
    net = onnx.ModelProto(opset_import=[helper.make_opsetid(*entry) for entry in imports])
    assert (opset(net), uses_standard_operators(net)) == (version, standard)

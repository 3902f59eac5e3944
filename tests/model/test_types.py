from __future__ import annotations

from typing import Any

import onnx
import pytest
from graph_models import conv_net, f32, i64, info, model, node, random

from trtflow.model.scopes import scopes
from trtflow.model.types import (
    DTYPE_ATTRIBUTES,
    UNKNOWN,
    Shape,
    TensorType,
    formal_parameter,
    has_default,
    infer,
    schema_of,
)


def test_types_and_shapes_of_every_tensor() -> None:
    net = conv_net()
    types, main = infer(net), scopes(net)[0]
    assert types.of(main, "p1") == TensorType(1, ("N", 4, 4, 4))
    assert types.of(main, "w1") == TensorType(1, (4, 3, 3, 3))
    assert all(types.of(main, name).elem == 1 for n in net.graph.node for name in n.output)


def test_branches_may_use_one_name_for_tensors_of_different_types() -> None:
    then = onnx.helper.make_graph(
        [node("Cast", "x", "t", "a", to=7), node("Cast", "t", "o", "b", to=1)], "t", [], [info("o", [4])]
    )
    orelse = onnx.helper.make_graph(
        [node("Neg", "x", "t", "c"), node("Abs", "t", "o", "d")], "e", [], [info("o", [4])]
    )
    nodes = [node("If", "c", "y", then_branch=then, else_branch=orelse)]
    net = model(nodes, [info("c", [], 9), info("x", [4])], [info("y", [4])])
    types = infer(net)
    elems = {scope.path: types.of(scope, "t").elem for scope in scopes(net)[1:]}
    assert elems == {"/n_y.then_branch": 7, "/n_y.else_branch": 1}


def test_element_types_go_on_behind_an_operator_without_inference() -> None:
    nodes = [node("Strange", "x", "s", domain="custom"), node("Add", "s w", "a"), node("Cast", "a", "y", to=7)]
    net = model(nodes, [info("x", [4])], [info("y", [4], 7)], [f32("w", random(4))])
    net.opset_import.append(onnx.helper.make_opsetid("custom", 1))
    types, main = infer(net), scopes(net)[0]
    assert [types.of(main, name).elem for name in ("s", "a", "y")] == [0, 1, 7]


def test_large_weights_do_not_matter_and_small_ones_do() -> None:
    nodes = [node("Reshape", "w to", "y")]
    net = model(nodes, [], [info("y", None)], [f32("w", random(64, 64)), i64("to", [16, -1])])
    assert infer(net).of(scopes(net)[0], "y") == TensorType(1, (16, 256))


def loop(body: list[onnx.NodeProto], carried: int = 1) -> onnx.ModelProto:
    """x goes through ``body`` (v → v2) five times, its type told by ``carried``; each s2 is collected."""
    inputs = [info("i", [], 7), info("on", [], 9), info("v", [4], carried)]
    outputs = [info("on2", [], 9), info("v2", None, carried), info("s2", None)]
    inner = onnx.helper.make_graph([node("Identity", "on", "on2"), *body], "body", inputs, outputs)
    nodes = [node("Loop", "five - x", "y ys", body=inner)]
    return model(nodes, [info("x", [4], carried)], [info("y", None, carried), info("ys", None)], [i64("five", 5)])


def test_a_body_of_a_loop_knows_its_own_tensors_and_those_around() -> None:
    net = loop([node("Add", "v v", "v2"), node("Mul", "v2 x", "s2")])
    types, (main, body) = infer(net), scopes(net)
    assert [types.of(body, name) for name in ("v", "v2", "s2", "x")] == [TensorType(1, (4,))] * 4
    assert types.of(body, "i").elem == 7
    assert types.of(main, "s2").elem == 0, "what a body makes is not seen from outside"
    assert [types.of(main, name).elem for name in ("y", "ys")] == [1, 1]


def test_a_body_of_a_scan_sees_one_slice() -> None:
    body = onnx.helper.make_graph(
        [node("Add", "state piece", "next"), node("Neg", "next", "out")],
        "body",
        [info("state", [3]), info("piece", [3])],
        [info("next", None), info("out", None)],
    )
    nodes = [node("Scan", "zero x", "last all", body=body, num_scan_inputs=1)]
    net = model(nodes, [info("x", [5, 3])], [info("last", None), info("all", None)], [f32("zero", [0, 0, 0])])
    types, (main, inner) = infer(net), scopes(net)
    assert [types.of(inner, name) for name in ("piece", "next", "out")] == [TensorType(1, (3,))] * 3
    assert types.of(main, "all") == TensorType(1, (5, 3))


def refusing(model: onnx.ModelProto, **options: object) -> onnx.ModelProto:
    raise onnx.shape_inference.InferenceError("no rule for it")


BEHIND = {
    "a bound variable": (node("Mul", "s w", "y"), 1),
    "nothing bound": (node("Neg", "s", "y"), 0),
    "the only type": (node("Shape", "s", "y"), 7),
    "a condition": (node("IsNaN", "s", "y"), 9),
    "an attribute": (node("Cast", "s", "y", to=10), 10),
    "an attribute of another name": (node("RandomNormalLike", "s", "y", dtype=11), 11),
    "a constant in the way": (node("Constant", "", "y", value_floats=[1.0]), 1),
    "a constant of strings": (node("Constant", "", "y", value_string=b"a"), 8),
    "another domain": (node("Stranger", "s", "y", domain="custom"), 0),
    "an operator that nobody knows": (node("Nobody", "s", "y"), 0),
}


@pytest.mark.parametrize(("behind", "elem"), BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("fails", [False, True], ids=["inference goes on", "inference fails"])
def test_types_are_carried_on_from_schemas_where_inference_gave_up(
    behind: onnx.NodeProto, elem: int, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fails:
        monkeypatch.setattr(onnx.shape_inference, "infer_shapes", refusing)
    nodes = [node("Strange", "x", "s", domain="custom"), behind]
    output = onnx.ValueInfoProto(name="y")
    net = model(nodes, [info("x", [4])], [output], [f32("w", random(4))])
    net.opset_import.append(onnx.helper.make_opsetid("custom", 1))
    assert infer(net).of(scopes(net)[0], "y").elem == elem


def test_shapes_that_contradict_each_other_leave_the_types_known() -> None:
    nodes = [node("Reshape", "x to", "r"), node("MatMul", "r w", "m"), node("Neg", "m", "y")]
    weights = [i64("to", [3, 3]), f32("w", random(7, 7))]  # neither a reshape nor a product that can be
    net = model(nodes, [info("x", [4])], [onnx.ValueInfoProto(name="y")], weights)
    types, main = infer(net), scopes(net)[0]
    assert [types.of(main, name).elem for name in ("r", "m", "y")] == [1, 1, 1]


def test_sequences_are_no_tensors_and_what_comes_out_of_them_is() -> None:
    nodes = [node("SequenceConstruct", "x x", "s"), node("SequenceAt", "s i", "y")]
    net = model(nodes, [info("x", [4])], [info("y", None)], [i64("i", 0)])
    types, main = infer(net), scopes(net)[0]
    assert (types.of(main, "s"), types.of(main, "y").is_float) == (UNKNOWN, True)


@pytest.mark.parametrize(
    ("shape", "expected"), [([2, "N", None], (2, "N", None)), ([], ()), (None, None), ([0], (0,))], ids=str
)
def test_dimensions_are_numbers_names_or_unknown(shape: Any, expected: Shape | None) -> None:
    net = model([node("Identity", "x", "y")], [info("x", shape)], [info("y", None)])
    assert infer(net).of(scopes(net)[0], "x") == TensorType(1, expected)


@pytest.mark.parametrize(
    ("op", "index", "name"),
    [("Add", 1, "B"), ("Add", 2, None), ("Concat", 0, "inputs"), ("Concat", 9, "inputs"), ("Constant", 0, None)],
)
def test_a_variadic_parameter_answers_for_all_that_follow(op: str, index: int, name: str | None) -> None:
    schema = schema_of(op, 17)
    assert schema is not None
    found = formal_parameter(schema.inputs, index)
    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("op", "version", "since"), [("Relu", 17, 14), ("Relu", 13, 13), ("Mish", 17, None), ("Nobody", 17, None)]
)
def test_a_schema_is_the_one_in_force(op: str, version: int, since: int | None) -> None:
    found = schema_of(op, version)
    assert (found and found.since_version) == since


@pytest.mark.parametrize(
    ("op", "attribute", "expected"),
    [("Gemm", "transB", True), ("Conv", "kernel_shape", False), ("Gemm", "none", False), ("Nobody", "axis", False)],
)
def test_some_attributes_have_a_default(op: str, attribute: str, expected: bool) -> None:
    assert has_default(op, attribute, 17) is expected


@pytest.mark.parametrize("op", sorted(DTYPE_ATTRIBUTES))
def test_each_attribute_that_names_a_type_is_one_of_its_operator(op: str) -> None:
    schema = schema_of(op, onnx.defs.onnx_opset_version())
    assert schema is not None
    assert schema.attributes[DTYPE_ATTRIBUTES[op]].type == onnx.defs.OpSchema.AttrType.INT

"""What bodies compute comes out of their owners, and the network computes what it did."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from graph_models import f32, i64, info, model, node, random, run
from onnx import TensorProto, helper

from trtflow.model.bodies import body_tensors, hand_out, unseen

BOOL, INT = TensorProto.BOOL, TensorProto.INT64
ON = onnx.numpy_helper.from_array(np.array(True), "on")


def branches() -> onnx.ModelProto:
    """Both branches call a tensor ``t``; the second one's output has another shape."""
    then = helper.make_graph([node("Exp", "x", "t", "exp"), node("Neg", "t", "o", "neg")], "t", [], [info("o", None)])
    other = helper.make_graph(
        [node("Log", "x", "t", "log"), node("ReduceSum", "t", "sum", "sum")], "e", [], [info("sum", None)]
    )
    nodes = [node("If", "c", "y", "if", then_branch=then, else_branch=other)]
    return model(nodes, [info("c", [], BOOL), info("x", [4])], [info("y", None)])


def loop(size: int | str | None = 4) -> onnx.ModelProto:
    """Three steps; ``once`` depends on no step, but on the network's input; ``fixed`` is a weight."""
    inside = [
        node("Exp", "x", "once", "once"),
        node("Neg", "k", "fixed", "fixed"),
        node("Add", "s once", "next", "next"),
        node("Mul", "next fixed", "seen", "seen"),
        node("Identity", "go", "going", "going"),
    ]
    given = [info("i", [], INT), info("go", [], BOOL), info("s", [size])]
    body = helper.make_graph(
        inside, "b", given, [info("going", [], BOOL), info("next", [size]), info("seen", [size])]
    )
    nodes = [node("Relu", "x", "r", "relu"), node("Loop", "n on r", "y all", "loop", body=body)]
    return model(nodes, [info("x", [size])], [info("y", [size])], [f32("k", [1.0]), i64("n", 3), ON])


def scan() -> onnx.ModelProto:
    """Stacks its sums along the second axis, from the last row on."""
    inside = [node("Add", "s r", "next", "add"), node("Tanh", "next", "o", "tanh")]
    body = helper.make_graph(inside, "b", [info("s", [4]), info("r", [4])], [info("next", [4]), info("o", [4])])
    how = {"num_scan_inputs": 1, "scan_output_axes": [1], "scan_output_directions": [1]}
    return model(
        [node("Scan", "zero x", "last y", "scan", body=body, **how)],
        [info("x", [3, 4])],
        [info("y", [4, 3])],
        [f32("zero", np.zeros(4))],
    )


def nested() -> onnx.ModelProto:
    """An If in a branch."""
    deep = branches().graph.node[0]
    then = helper.make_graph([node("Relu", "x", "r", "relu"), deep], "outer", [], [info("y", None)])
    other = helper.make_graph([node("Sin", "x", "y", "sin")], "other", [], [info("y", None)])
    nodes = [node("If", "c", "z", "around", then_branch=then, else_branch=other)]
    return model(nodes, [info("c", [], BOOL), info("x", [4])], [info("z", None)])


def handed(net: onnx.ModelProto, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the nodes in bodies write, by node; the model's own outputs must be what they were."""
    found = body_tensors(net)
    out = hand_out(net, found)
    out.graph.output.extend(onnx.ValueInfoProto(name=tensor.outer) for tensor in found)
    own, *_ = run(net, feed)
    again, *rest = run(out, feed)
    np.testing.assert_array_equal(again, own)
    return {tensor.layer.node: array for tensor, array in zip(found, rest, strict=True)}


X = np.abs(random(4)) + 1
SUMS = X + np.exp(X) * np.arange(1, 4)[:, None]


@pytest.mark.parametrize(
    ("taken", "expected"),
    [(True, {"exp": np.exp(X), "neg": -np.exp(X)}), (False, {"log": np.log(X), "sum": np.log(X).sum(keepdims=True)})],
)
def test_the_branch_that_is_taken_is_seen_and_of_the_other_nothing(
    taken: bool, expected: dict[str, np.ndarray]
) -> None:
    found = handed(branches(), {"c": np.array(taken), "x": X})
    assert {name for name, array in found.items() if array.size} == expected.keys()
    assert len(found) == 4
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-6)


def test_the_steps_of_a_loop_are_stacked_and_weights_are_none_of_them() -> None:
    found = handed(loop(), {"x": X})
    assert found.keys() == {"once", "next", "seen"}
    for name, array in {"once": np.tile(np.exp(X), (3, 1)), "next": SUMS, "seen": -SUMS}.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-6)


def test_a_loop_without_steps_has_nothing_to_see() -> None:
    net = loop()
    next(t for t in net.graph.initializer if t.name == "n").CopyFrom(i64("n", 0))
    assert {array.size for array in handed(net, {"x": X}).values()} == {0}


def test_what_a_scan_computes_is_stacked_in_the_order_of_its_steps() -> None:
    rows = random(3, 4)
    found = handed(scan(), {"x": rows})
    np.testing.assert_allclose(found["add"], np.cumsum(rows, axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["tanh"], np.tanh(np.cumsum(rows, axis=0)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("size", "seen"), [(4, True), ("N", True), (None, False)])
def test_a_loop_whose_shapes_may_change_is_not_looked_into(size: int | str | None, seen: bool) -> None:
    net = loop(size)
    tensors = body_tensors(net)
    assert {tensor.layer.node for tensor in tensors} == ({"once", "next", "seen"} if seen else set())
    assert set(unseen(net, tensors)) == ({"fixed"} if seen else {"once", "fixed", "next", "seen"})


def test_a_size_that_no_input_has_may_change_as_well() -> None:
    net = loop("N")
    net.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "M"
    assert [tensor.layer.node for tensor in body_tensors(net)] == ["once"]


def looping_branch() -> onnx.ModelProto:
    """A Loop in a branch."""
    outer, inner = nested(), loop().graph
    then = helper.make_graph([node("Relu", "x", "r", "relu"), inner.node[1]], "t", [], [info("y", None)])
    branch = next(a for a in outer.graph.node[0].attribute if a.name == "then_branch")
    branch.g.CopyFrom(then)
    outer.graph.initializer.extend(inner.initializer)
    return outer


@pytest.mark.parametrize(("outer", "seen"), [(True, {"relu", "exp", "neg"}), (False, {"sin"})])
def test_branches_in_branches_are_seen_where_both_are_taken(outer: bool, seen: set[str]) -> None:
    net = nested()
    found = handed(net, {"c": np.array(outer), "x": X})
    assert {name for name, array in found.items() if array.size} == seen
    assert found.keys() == {"relu", "sin", "exp", "neg", "log", "sum"}
    assert unseen(net, body_tensors(net)) == ()


def test_a_loop_in_a_branch_is_seen_over_its_steps() -> None:
    found = handed(looping_branch(), {"c": np.array(True), "x": X})
    np.testing.assert_allclose(found["next"], SUMS, rtol=1e-6)
    assert {name for name, array in found.items() if array.size} == {"relu", "once", "next", "seen"}


def test_a_branch_in_a_loop_is_left_alone() -> None:
    net = loop()
    body = next(a.g for a in net.graph.node[1].attribute if a.name == "body")
    deep = branches().graph.node[0]
    deep.input[0] = "go"
    body.node.append(deep)
    tensors = body_tensors(net)
    assert {tensor.layer.node for tensor in tensors} == {"once", "next", "seen"}
    assert set(unseen(net, tensors)) == {"fixed", "exp", "neg", "log", "sum"}


def test_layers_have_the_names_of_their_tensors_unless_two_bodies_share_one() -> None:
    layers = [tensor.layer for tensor in body_tensors(branches())]
    assert {layer.node: layer.tensor for layer in layers} == {
        "exp": "t__inside_1",
        "neg": "o",
        "log": "t__inside",
        "sum": "sum",
    }


def test_the_depth_of_a_layer_is_that_of_its_owner() -> None:
    assert {tensor.layer.depth for tensor in body_tensors(loop())} == {1}


@pytest.mark.parametrize("make", [branches, loop, scan])
def test_the_model_itself_is_left_as_it_was(make: Callable[[], onnx.ModelProto]) -> None:
    net = make()
    before = net.SerializeToString()
    hand_out(net, body_tensors(net))
    assert net.SerializeToString() == before


def test_without_bodies_there_is_nothing_to_hand_out() -> None:
    net = model([node("Relu", "x", "y")], [info("x", [4])], [info("y", [4])])
    assert body_tensors(net) == ()
    assert hand_out(net, ()) is net

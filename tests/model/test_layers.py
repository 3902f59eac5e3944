from __future__ import annotations

from graph_models import conv_net, f32, i64, info, model, node
from onnx import TensorProto, helper

from trtflow.model.layers import Layer, layers


def test_every_float_tensor_that_a_candidate_writes_is_a_layer_in_topological_order() -> None:
    found = layers(conv_net())
    assert [(layer.tensor, layer.op, layer.depth) for layer in found[:3]] == [
        ("c1", "Conv", 0),
        ("n1", "BatchNormalization", 1),
        ("r1", "Relu", 2),
    ]
    assert [layer.tensor for layer in found] == ["c1", "n1", "r1", "p1", "c2", "s2", "a2", "u2", "k", "y"]


def test_outputs_of_one_node_have_its_depth_and_integers_are_no_layers() -> None:
    nodes = [node("Split", "x", "a b", axis=0), node("TopK", "a k", "v i")]
    net = model(nodes, [info("x", [4])], [info("v", None), info("i", None, TensorProto.INT64)], [i64("k", [1])])
    assert layers(net) == (
        Layer("a", "n_a", "Split", 0),
        Layer("b", "n_a", "Split", 0),
        Layer("v", "n_v", "TopK", 1),
    )


def test_shapes_and_bodies_are_left_out() -> None:
    body = helper.make_graph([node("Exp", "x", "t")], "then", [], [info("t", None)])
    other = helper.make_graph([node("Log", "x", "e")], "else", [], [info("e", None)])
    nodes = [node("Shape", "x", "s"), helper.make_node("If", ["c"], ["z"], "if", then_branch=body, else_branch=other)]
    nodes.append(node("Add", "z w", "y"))
    inputs = [info("x", [4]), info("c", [], TensorProto.BOOL)]
    net = model(nodes, inputs, [info("y", None)], [f32("w", [1])])
    assert layers(net) == (Layer("y", "n_y", "Add", 0),)


def test_a_tensor_that_is_left_out_is_no_layer_and_the_depth_counts_nodes() -> None:
    nodes = [helper.make_node("Split", ["x"], ["", "b"], "split", axis=0), node("Neg", "b", "y")]
    net = model(nodes, [info("x", [4])], [info("y", None)])
    assert layers(net) == (Layer("b", "split", "Split", 0), Layer("y", "n_y", "Neg", 1))


def test_a_model_of_integers_has_no_layer() -> None:
    integers = TensorProto.INT64
    net = model([node("Add", "x x", "y")], [info("x", [4], integers)], [info("y", None, integers)])
    assert layers(net) == ()


def test_what_no_input_reaches_is_a_weight_and_no_layer() -> None:
    nodes = [node("Identity", "w", "alias"), node("Mul", "alias w", "folded"), node("Add", "x folded", "y")]
    net = model(nodes, [info("x", [2])], [info("y", None)], [f32("w", [1, 2])])
    assert [layer.tensor for layer in layers(net)] == ["y"]

from __future__ import annotations

import onnx
from graph_models import conv_net, f32, i64, info, model, node, random

from trtflow.model.scopes import scopes
from trtflow.model.types import TensorType, infer


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

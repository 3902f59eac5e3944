"""A copy of a model takes the shapes of a sample, and says nothing that might contradict them."""

from __future__ import annotations

from graph_models import f32, info, model, node

from trtflow.model.sized import with_shapes


def test_shapes_of_inputs_are_set_and_those_that_might_contradict_them_dropped() -> None:
    net = model([node("Add", "x w", "y")], [info("x", ["n", 3])], [info("y", ["k"])], [f32("w", [1])])
    net.graph.value_info.append(info("a", [7, 3]))
    fixed = with_shapes(net, {"x": (2, 3)})
    assert fixed.graph.input[0] == info("x", [2, 3])
    assert not fixed.graph.value_info
    assert fixed.graph.output[0] == info("y", None)


def test_inputs_without_a_shape_to_take_keep_theirs_and_the_model_is_left_alone() -> None:
    net = model([node("Neg", "x", "y")], [info("x", ["n", 3])], [info("y", ["n", 3])])
    assert with_shapes(net, {"other": (1,)}).graph.input[0] == net.graph.input[0]
    assert net.graph.output[0] == info("y", ["n", 3])

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, i64, info, model, node
from onnx import TensorProto, helper

from trtflow.errors import ModelError
from trtflow.model import session
from trtflow.model.shapes import (
    Sizes,
    concrete,
    inferred_shapes,
    measured_shapes,
    ones,
    tensor_bytes,
    tensor_shapes,
)
from trtflow.model.sized import with_shapes
from trtflow.model.types import Shape

X = np.array([[0, 1, 2], [3, 0, 0]], np.float32)


def network() -> onnx.ModelProto:
    """i, t and g depend on the values of x, which no inference knows."""
    nodes = [
        node("Relu", "x", "a"),
        node("NonZero", "x", "i"),
        node("Transpose", "i", "t", perm=[1, 0]),
        node("GatherND", "a t", "g"),
        node("Add", "g w", "y"),
    ]
    return model(nodes, [info("x", ["n", 3])], [info("y", ["k"])], [f32("w", [1])])


def test_inference_leaves_out_what_it_cannot_tell() -> None:
    assert inferred_shapes(network(), {"x": (2, 3)}) == {"x": (2, 3), "w": (1,), "a": (2, 3)}


def test_what_inference_cannot_tell_is_measured_on_the_feed() -> None:
    names = ["g", "a", "i", "g"]
    assert tensor_shapes(network(), names, {"x": X}) == {"g": (3,), "a": (2, 3), "i": (2, 3)}
    assert list(tensor_shapes(network(), names, {"x": X})) == ["g", "a", "i"]
    assert tensor_shapes(network(), ["g"], {"x": np.ones((2, 3), np.float32)}) == {"g": (6,)}


def test_a_model_that_runs_nowhere_has_shapes_as_far_as_inference_goes() -> None:
    nodes = [node("Relu", "x", "a"), node("Nobody", "a", "b", domain="custom"), node("Relu", "b", "y")]
    net = model(nodes, [info("x", ["n", 3])], [info("y", None)])
    net.opset_import.append(helper.make_opsetid("custom", 1))
    assert tensor_shapes(net, ["a"], {"x": X}) == {"a": (2, 3)}
    with pytest.raises(ModelError, match="refuses the model"):
        tensor_shapes(net, ["a", "b"], {"x": X})


def test_a_feed_that_the_model_cannot_run_on_is_an_error() -> None:
    net = model(
        [node("Gather", "w i", "g"), node("NonZero", "g", "y")],
        [info("i", [1], TensorProto.INT64)],
        [info("y", None)],
    )
    net.graph.initializer.append(f32("w", [1, 2]))
    with pytest.raises(ModelError, match="cannot run the model on the sample"):
        measured_shapes(net, ["y"], {"i": np.array([7])})


def test_shapes_are_measured_beyond_protobufs_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_PROTOBUF_LIMIT", 0)
    net = network()
    net.graph.initializer[0].CopyFrom(f32("w", np.ones((2048, 1))))  # long enough for a file
    assert measured_shapes(net, ["i", "y"], {"x": X}) == {"i": (2, 3), "y": (2048, 3)}


def test_a_branch_that_is_not_taken_may_be_an_error_for_the_sample() -> None:
    """ONNX Runtime refuses to squeeze an axis that it is told to be 3 wide, though it never would."""
    squeeze = helper.make_graph([node("Squeeze", "x one", "q")], "then", [], [info("q", None)])
    keep = helper.make_graph([node("Identity", "x", "k")], "else", [], [info("k", None)])
    nodes = [node("Shape", "x", "s"), node("Gather", "s one", "c"), node("Equal", "c one", "e")]
    nodes += [node("If", "e", "u", then_branch=squeeze, else_branch=keep), node("NonZero", "u", "y")]
    net = model(nodes, [info("x", ["n", "c"])], [info("y", None, TensorProto.INT64)], [i64("one", [1])])
    with pytest.raises(ModelError, match="refuses the model"):
        session.create_session(with_shapes(net, {"x": X.shape}))
    assert measured_shapes(net, ["u", "y"], {"x": X}) == {"u": (2, 3), "y": (2, 3)}


def test_strings_are_ones_too() -> None:
    net = model([node("Identity", "s", "y")], [info("s", [2], TensorProto.STRING)], [info("y", None)])
    assert ones(net, {})["s"].tolist() == ["1", "1"]


def test_the_model_itself_is_left_alone() -> None:
    net = network()
    tensor_shapes(net, ["g"], {"x": X})
    assert net == network()


@pytest.mark.parametrize(
    ("shape", "sizes"), [((2, 3), (2, 3)), ((), ()), (None, None), (("n", 3), None), ((None,), None)], ids=str
)
def test_a_shape_is_concrete_when_every_size_is_known(shape: Shape | None, sizes: Sizes | None) -> None:
    assert concrete(shape) == sizes


def test_ones_take_the_shapes_given_and_one_where_a_dimension_is_free() -> None:
    inputs = [info("x", ["n", 3]), info("i", ["n", 2], TensorProto.INT64), info("s", [])]
    net = model([node("Add", "x w", "y")], [*inputs, info("w", [5])], [info("y", None)], [i64("w", [1] * 5)])
    feed = ones(net, {"x": (4, 3), "s": ()})
    assert {name: (array.shape, array.dtype.name) for name, array in feed.items()} == {
        "x": ((4, 3), "float32"),
        "i": ((1, 2), "int64"),
        "s": ((), "float32"),
    }
    assert all((array == 1).all() for array in feed.values())


def test_bytes_are_those_of_fp32() -> None:
    assert tensor_bytes({"a": (2, 3), "b": (), "c": (4, 0)}) == {"a": 24, "b": 4, "c": 0}

"""Sessions of ONNX Runtime, whatever they are for, give the same numbers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from graph_models import conv_net, f32, info, model, node, random

from trtflow.errors import ModelError
from trtflow.model.ports import declared_port as tensor_input
from trtflow.model.ports import mark_outputs, model_inputs
from trtflow.model.session import create_session
from trtflow.runners.reference import ReferenceRunner

FEED = {"x": random(2, 3, 8, 8, seed=9)}


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("keep_layout", [False, True])
def test_a_session_of_any_kind_computes_the_network(many: bool, keep_layout: bool) -> None:
    expected = create_session(conv_net()).run(None, FEED)[0]
    found = create_session(conv_net(), many=many, keep_layout=keep_layout).run(None, FEED)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    if not keep_layout:
        np.testing.assert_array_equal(found, expected)


def test_a_model_that_onnx_runtime_refuses_is_an_error_of_the_model(overflowing: onnx.ModelProto) -> None:
    overflowing.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match=r"ONNX Runtime refuses the model: .*NoSuchOperator"):
        create_session(overflowing)


def test_a_model_beyond_protobufs_limit_goes_by_way_of_a_file(
    monkeypatch: pytest.MonkeyPatch, overflowing: onnx.ModelProto
) -> None:
    monkeypatch.setattr("trtflow.model.session._PROTOBUF_LIMIT", 1)
    found = create_session(overflowing).run(None, {"x": np.ones((1, 4), np.float32)})[0]
    np.testing.assert_allclose(found, 2, rtol=1e-6)


def test_weights_that_are_listed_among_the_inputs_are_not_fed() -> None:
    proto = model(
        [node("Mul", "x w", "y")], [info("x", ["N", 2]), info("w", [2])], [info("y", None)], [f32("w", [1, 2])]
    )
    (entry,) = model_inputs(proto)
    assert (entry.name, entry.dtype, entry.shape) == ("x", np.float32, (None, 2))


def test_a_type_is_read_with_free_dimensions_as_none() -> None:
    entry = tensor_input(info("ids", ["N", 3], onnx.TensorProto.INT64))
    assert (entry.dtype, entry.shape) == (np.int64, (None, 3))


def test_marking_adds_what_is_not_an_output_yet_to_a_copy(overflowing: onnx.ModelProto) -> None:
    marked = mark_outputs(overflowing, ["a", "y", "b"])
    assert [value.name for value in marked.graph.output] == ["y", "a", "b"]
    assert [value.name for value in overflowing.graph.output] == ["y"]


def test_a_runner_makes_its_session_when_it_is_entered(overflowing: onnx.ModelProto) -> None:
    made: list[onnx.ModelProto] = []

    def session(proto: onnx.ModelProto) -> onnxruntime.InferenceSession:
        made.append(proto)
        return create_session(proto)

    runner = ReferenceRunner(overflowing, "own", session)
    assert not made
    with runner:
        assert runner({"x": np.ones((1, 4), np.float32)})["y"].shape == (1, 4)
    assert made == [overflowing]

"""Sessions of ONNX Runtime, whatever they are for, give the same numbers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from graph_models import f32, info, model, node, random

from trtflow.errors import ModelError
from trtflow.model.session import create_session
from trtflow.runners.reference import ReferenceRunner

FEED = {"x": random(2, 3, 8, 8, seed=9)}


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


def test_a_sample_that_the_network_does_not_run_on_is_an_error_of_ours() -> None:
    net = model([node("Add", "x w", "y")], [info("x", ["n", "c"])], [info("y", None)], [f32("w", np.ones((2, 4)))])
    with ReferenceRunner(net) as runner, pytest.raises(ModelError, match="input 'x' has shape"):
        runner({"x": np.ones((2, 3), np.float32)})

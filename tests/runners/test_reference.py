"""Sessions of ONNX Runtime, whatever they are for, give the same numbers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from graph_models import random

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

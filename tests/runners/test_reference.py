"""Sessions of ONNX Runtime, whatever they are for, give the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from graph_models import f32, info, model, node, random

from trtflow import doing
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


def test_a_crash_is_told_with_the_runner_and_what_it_was_at(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doing, "_files", [])
    doing.keep_in(tmp_path / "doing")
    told: list[str] = []

    def session(proto: onnx.ModelProto) -> onnxruntime.InferenceSession:
        told.append(doing.last_doing(tmp_path / "doing"))
        return create_session(proto)

    class Telling(ReferenceRunner):
        def infer(self, *given: Any, **more: Any) -> Any:
            told.append(doing.last_doing(tmp_path / "doing"))
            return super().infer(*given, **more)

    with Telling(overflowing, "own", session) as runner:
        runner({"x": np.ones((1, 4), np.float32)})
    assert told == ["starting own", "running own"]

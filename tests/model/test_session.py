from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from graph_models import conv_net, f32, info, model, node, random

from trtflow import doing
from trtflow.errors import ModelError
from trtflow.model import session
from trtflow.model.session import create_session, open_session

SIZE = 2048  # bytes enough for ONNX to put the weights into a file


def network() -> onnx.ModelProto:
    return model([node("Add", "x w", "y")], [info("x", [SIZE])], [info("y", [SIZE])], [f32("w", np.arange(SIZE))])


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("limit", [0, 2**31])
def test_a_session_computes_the_same_on_either_side_of_protobufs_limit(
    many: bool, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PROTOBUF_LIMIT", limit)
    net = network()
    (y,) = create_session(net, many=many).run(None, {"x": np.ones(SIZE, np.float32)})
    np.testing.assert_array_equal(y, np.arange(SIZE, dtype=np.float32) + 1)
    assert net == network()


def test_a_cpu_session_runs_on_the_cpu_only() -> None:
    assert create_session(network()).get_providers() == ["CPUExecutionProvider"]


def test_options_are_the_callers_own() -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    opened = open_session(network(), options, ["CPUExecutionProvider"])
    assert opened.get_session_options().graph_optimization_level == options.graph_optimization_level


def test_a_refused_model_is_a_model_error() -> None:
    with pytest.raises(ModelError, match=r"ONNX Runtime refuses the model: .*Nobody"):
        create_session(model([node("Nobody", "x", "y")], [info("x", [1])], [info("y", [1])]))


def test_a_layout_that_is_kept_computes_the_same() -> None:
    net = conv_net()
    feed = {"x": random(1, 3, 8, 8)}
    free, kept = (create_session(net, keep_layout=keep).run(None, feed)[0] for keep in (False, True))
    np.testing.assert_allclose(free, kept, rtol=1e-4, atol=1e-5)


def test_what_executes_is_told_by_the_providers_that_were_asked_for() -> None:
    opened = open_session(network(), onnxruntime.SessionOptions(), ["CPUExecutionProvider"])
    assert opened.get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize("many", [False, True])
def test_fp32_against_fp32_is_bit_equal_on_two_runs_and_in_two_sessions(many: bool) -> None:
    sessions = [create_session(conv_net(), many=many) for _ in range(2)]
    feed = {"x": random(64, 3, 8, 8)}
    first, *others = (session.run(None, feed)[0].tobytes() for session in (*sessions, *sessions))
    assert others == [first] * 3
    assert first != sessions[0].run(None, {"x": random(64, 3, 8, 8, seed=1)})[0].tobytes()


def test_an_optimiser_that_changes_results_does_not_run_even_if_asked_for() -> None:
    x = np.linspace(-3, 3, SIZE, dtype=np.float32)
    net = model([node("Gelu", "x", "y")], [info("x", [SIZE])], [info("y", [SIZE])], opset=20)
    found = []
    for asked in ("0", "1"):
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("optimization.enable_gelu_approximation", asked)
        found.append(open_session(net, options, ["CPUExecutionProvider"]).run(None, {"x": x})[0])
    np.testing.assert_array_equal(*found)


def test_a_crash_while_a_session_is_made_is_told_with_its_level(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doing, "_files", [])
    doing.keep_in(tmp_path / "doing")
    told: list[str] = []
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda *given, **more: told.append(doing.last_doing(tmp_path / "doing"))
    )
    create_session(network(), keep_layout=True)
    version = onnxruntime.__version__
    assert told == [f"making a session of 1 nodes at level ORT_ENABLE_EXTENDED in ONNX Runtime {version}"]
    assert doing.last_doing(tmp_path / "doing") == ""

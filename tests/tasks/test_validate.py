"""The gate: the rewritten file as the runner that decides executes it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from fake_engines import Execute, FakeEngine, install, is_mixed, refusing

from trtflow.data import Sample
from trtflow.errors import BackendError, BuildError
from trtflow.plan import PrecisionPlan
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import TypedRunner
from trtflow.tasks import judge
from trtflow.tasks.rewrite import rewrite
from trtflow.tasks.validate import validate

SAMPLES = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (1.1, 2.3)]


def plain(model: onnx.ModelProto) -> Runner:
    """An engine on which FP16 comes out half as large."""
    changed = onnx.ModelProto.FromString(model.SerializeToString())
    for tensor in changed.graph.initializer if is_mixed(changed) else ():
        weights = np.frombuffer(tensor.raw_data, onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
        tensor.raw_data = (weights / 2).astype(weights.dtype).tobytes()
    return TypedRunner(changed)


@pytest.mark.parametrize(
    ("runner", "execute", "accepted", "emulated"),
    [("emulated", TypedRunner, True, None), ("cuda", TypedRunner, True, True), ("cuda", plain, False, True)],
)
def test_the_runner_decides_and_the_emulators_verdict_stands_beside_an_engines(
    runner: str,
    execute: Execute,
    accepted: bool,
    emulated: bool | None,
    overflowing: onnx.ModelProto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, FakeEngine(execute))
    mixed = rewrite(overflowing, PrecisionPlan("fp16")).model
    verdict = validate(overflowing, mixed, SAMPLES, runner=runner)
    assert (verdict.accepted, verdict.runner, verdict.emulated) == (accepted, runner, emulated)


def test_an_engine_that_is_not_here_is_an_error_before_anything_is_measured(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, FakeEngine(missing="no GPU"))
    monkeypatch.setattr(judge.Judge, "evaluator", lambda *given: pytest.fail("it measured"))
    with pytest.raises(BackendError, match="no GPU"):
        validate(overflowing, overflowing, SAMPLES, runner="cuda")


def test_a_file_that_the_engine_cannot_build_is_an_error_and_not_accepted(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, FakeEngine(refusing(lambda model: model.graph.name == "probe")))
    with pytest.raises(BuildError, match="no implementation"):
        validate(overflowing, overflowing, SAMPLES, runner="cuda")

"""Who decides is asked for before the search, and what it could not be asked is never accepted."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from fake_engines import Execute, FakeEngine, halves, install, is_mixed, refusing
from onnx import helper, numpy_helper

from trtflow.data import Sample
from trtflow.errors import BackendError
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import TypedRunner
from trtflow.tasks import bisect as task
from trtflow.tasks.bisect import BisectSettings, bisect
from trtflow.tasks.judge import Conditions
from trtflow.tasks.rewrite import rewrite
from trtflow.tasks.searching import Decided
from trtflow.tasks.validate import validate

WIDTH = 64
SAMPLES = [Sample({"x": np.full((1, WIDTH), value, np.float32)}) for value in (1.1, 70.1, 3.7)]
ACCEPT: Conditions = {"sqnr": {"min": 40.0}}


@pytest.fixture
def network() -> onnx.ModelProto:
    """y = ((x · 1000) · 0.001) · a · b: ``up`` exceeds FP16, and to cast back pays before the products."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Mul", ["x", "thousand"], ["u"], "up"),
        helper.make_node("Mul", ["u", "thousandth"], ["d"], "down"),
        helper.make_node("MatMul", ["d", "a"], ["h"], "first"),
        helper.make_node("MatMul", ["h", "b"], ["y"], "second"),
    ]
    square = rng.normal(0, 0.1, (2, WIDTH, WIDTH))
    constants = {"thousand": 1000.0, "thousandth": 0.001, "a": square[0], "b": square[1]}
    ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", WIDTH]) for name in "xy"]
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "network", ports[:1], ports[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def decided(model: onnx.ModelProto, runner: str = "cuda") -> Decided:
    return bisect(model, SAMPLES, accept=ACCEPT, settings=BisectSettings(runner=runner, baselines=()))


def spoiled(model: onnx.ModelProto) -> Runner:
    """An engine whose FP16 kernel of the second product loses every other weight."""
    changed = onnx.ModelProto.FromString(model.SerializeToString())
    for tensor in changed.graph.initializer:
        if tensor.name.startswith("b") and tensor.data_type == onnx.TensorProto.FLOAT16:
            weights = numpy_helper.to_array(tensor).copy()
            weights[::2] = 0
            tensor.raw_data = weights.tobytes()
    return TypedRunner(changed)


def stops(model: onnx.ModelProto) -> Runner:
    """An engine that stops on any model but the one that it is tried with."""
    if model.graph.name == "probe":
        return TypedRunner(model)
    raise RuntimeError("CUDA error 700: an illegal memory access")


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (FakeEngine(missing="nvidia-smi finds no GPU"), "'cuda' cannot run here: nvidia-smi finds no GPU"),
        (FakeEngine(refusing(lambda model: False)), "'cuda' is installed, but does not run here: no implementation"),
    ],
    ids=["lacks", "does not start"],
)
def test_an_engine_that_is_not_here_is_an_error_before_anything_is_searched(
    engine: FakeEngine, said: str, network: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, engine)
    monkeypatch.setattr(task, "search_and_verify", lambda *given: pytest.fail("it searched"))
    with pytest.raises(BackendError, match=said):
        decided(network)


def test_an_engine_that_stops_ends_the_search_and_refuses_no_plan(
    network: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, FakeEngine(stops))
    with pytest.raises(BackendError, match=r"'cuda' stopped .* illegal memory access"):
        decided(network)


@pytest.mark.parametrize("runner", ["onnxruntime", "tensrt"])
def test_what_does_not_judge_low_precision_is_no_runner(runner: str, network: onnx.ModelProto) -> None:
    with pytest.raises(BackendError, match=runner):
        decided(network, runner)


@pytest.mark.parametrize(
    ("execute", "kept", "emulated"),
    [
        (TypedRunner, ("down", "up"), True),
        (spoiled, ("down", "second", "up"), True),
    ],
    ids=["agrees", "is stricter"],
)
def test_the_engine_decides_and_the_gate_says_the_same(
    execute: Execute,
    kept: tuple[str, ...],
    emulated: bool,
    network: onnx.ModelProto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, FakeEngine(execute))
    found = decided(network)
    assert (found.search.kept, found.search.accepted, found.search.emulated) == (kept, True, emulated)
    mixed = rewrite(network, found.plan).model
    verdict = validate(network, mixed, SAMPLES, accept=ACCEPT, runner="cuda")
    assert (verdict.accepted, verdict.runner, verdict.emulated) == (True, "cuda", emulated)
    assert verdict.candidate == found.search.metrics["candidate"]


def test_where_the_engine_refuses_even_fp32_nothing_is_accepted(
    network: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    def zeros(model: onnx.ModelProto) -> Runner:
        changed = onnx.ModelProto.FromString(model.SerializeToString())
        for node in changed.graph.node:
            node.op_type = {"Mul": "Sub"}.get(node.op_type, node.op_type)
        return TypedRunner(changed)

    install(monkeypatch, FakeEngine(zeros))
    found = decided(network)
    assert (found.search.accepted, found.search.emulated) == (False, True)
    assert not validate(network, network, SAMPLES, accept=ACCEPT, runner="cuda").accepted


def test_a_plan_that_cannot_be_built_stays_and_is_not_accepted(
    network: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FP32 alone is built: nobody knows whether less than all of it would do."""
    install(monkeypatch, FakeEngine(refusing(lambda model: model.graph.name == "probe" or not is_mixed(model))))
    found = decided(network)
    assert (found.search.accepted, found.search.kept, found.search.minimal) == (False, ("down", "up"), False)
    assert "could not be built" in found.search.reason
    assert "no plan is confirmed" in found.search.reason
    with pytest.raises(BackendError, match="no implementation"):
        validate(network, rewrite(network, found.plan).model, SAMPLES, accept=ACCEPT, runner="cuda")


def test_one_plan_that_cannot_be_built_is_passed_over(
    network: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All low cannot be built; what the emulator proposes can."""
    install(monkeypatch, FakeEngine(refusing(lambda model: halves(model) < 4)))
    found = decided(network)
    assert (found.search.accepted, found.search.kept) == (True, ("down", "up"))
    failed = [entry for entry in found.search.evaluations if entry.accepted is None]
    assert [entry.kind for entry in failed] == ["build"]
    assert found.search.metrics["low"] == {}


def test_who_decided_is_written_down_with_its_versions(
    network: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, FakeEngine())
    by_engine, by_emulator = decided(network).search.made_by, decided(network, "emulated").search.made_by
    assert {name: by_engine[name] for name in ("runner", "cudnn", "gpu")} == {
        "runner": "cuda",
        "cudnn": "9.10.2",
        "gpu": "NVIDIA Fake, 9.0",
    }
    assert by_emulator["runner"] == "emulated"
    assert by_emulator.keys() == {"trtflow", "onnx", "onnxruntime", "runner"}

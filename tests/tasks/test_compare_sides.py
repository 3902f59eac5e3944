"""Candidates and the reference may run on engines, in any combination, and say what they ran on."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from fake_engines import FakeEngine, install
from graph_models import f32, info, model, node
from onnx import TensorProto, helper
from planted import rows

from trtflow.data import Sample
from trtflow.errors import BackendError, DataError
from trtflow.model.load import load
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.emulated import TypedRunner
from trtflow.tasks.compare import Candidate, compare
from trtflow.tasks.hooks import Hooks

UNET = Path(__file__).parents[2] / "models" / "unet"
MIXED = PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    return install(monkeypatch, FakeEngine())


def test_engines_and_the_emulator_stand_side_by_side(overflowing: onnx.ModelProto, engine: FakeEngine) -> None:
    candidates = {
        "fp32": Candidate(PrecisionPlan("fp32"), runner="cuda"),
        "fp16": Candidate(PrecisionPlan("fp16"), runner="cuda"),
        "mixed": Candidate(MIXED, runner="cuda"),
        "emulated": Candidate(PrecisionPlan("fp16")),
    }
    found = compare(overflowing, rows(70, 75), candidates)
    assert {name: len(found.wrong(name)) for name in candidates} == {"fp32": 0, "fp16": 3, "mixed": 0, "emulated": 3}
    assert found.candidates["fp32"]["y"].sqnr_db == math.inf
    assert found.candidates["fp16"]["a"].cand_inf == found.candidates["emulated"]["a"].cand_inf == 8
    assert found.runners == dict.fromkeys(["fp32", "fp16", "mixed"], "cuda")
    assert found.observer == dict.fromkeys(["fp32", "fp16", "mixed"], 0.0)
    assert [layer.node for layer in found.layers] == ["up", "down", "add"]


def test_the_reference_may_be_an_engine(overflowing: onnx.ModelProto, engine: FakeEngine) -> None:
    found = compare(overflowing, rows(70), {"fp16": Candidate(PrecisionPlan("fp16"))}, reference="cuda")
    assert found.runners == {"reference": "cuda"}
    assert [*found.observer] == ["reference"]
    assert found.first["a"].ref_amax == 70_000
    assert found.first["a"].cand_inf == 4


@pytest.mark.parametrize(
    ("memory", "engines"), [(1 << 20, 2), (2 * 2 * 16, 3), (1, 4)], ids=["all at once", "two", "one by one"]
)
def test_memory_decides_how_many_engines_are_built_and_nothing_else(
    overflowing: onnx.ModelProto, engine: FakeEngine, memory: int, engines: int
) -> None:
    found = compare(
        overflowing, rows(1, 70), {"fp16": Candidate(PrecisionPlan("fp16"), runner="cuda")}, memory=memory
    )
    probed = 1
    assert engine.started == probed + engines
    assert {name: figures.overflowed for name, figures in found.first.items()} == {"x": 0, "a": 4, "b": 4, "y": 4}


def test_only_the_first_samples_count(overflowing: onnx.ModelProto, engine: FakeEngine) -> None:
    on_engine = {"fp16": Candidate(PrecisionPlan("fp16"), runner="cuda")}
    assert compare(overflowing, rows(1, 2, 3), on_engine, samples=2).first["a"].ref_amax == 2000


def test_what_a_body_computes_is_unseen_on_an_engine(engine: FakeEngine) -> None:
    def branch(scale: str) -> onnx.GraphProto:
        return helper.make_graph(
            [node("Mul", f"x {scale}", f"in_{scale}", f"by_{scale}")], "b", [], [info(f"in_{scale}", [1, 4])]
        )

    nodes = [node("If", "yes", "z", "if", then_branch=branch("two"), else_branch=branch("three"))]
    nodes += [node("Relu", "z", "y", "relu")]
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    scales = [f32("two", 2.0), f32("three", 3.0), yes]
    net = model(nodes, [info("x", [1, 4])], [info("y", [1, 4])], scales)
    found = compare(net, rows(1), {"fp16": Candidate(PrecisionPlan("fp16"), runner="cuda")})
    assert "relu" in {layer.node for layer in found.layers}
    assert set(found.unseen) == {"by_two", "by_three"}


def test_marks_that_change_an_engine_are_told_and_logged(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute(given: onnx.ModelProto) -> TypedRunner:
        """Fused while nobody looks: the last step is missing then."""
        if len(given.graph.output) == 1:
            given.graph.node[-1].op_type = "Sub"
        return TypedRunner(given)

    install(monkeypatch, FakeEngine(execute))
    lines: list[str] = []
    on_engine = {"fp32": Candidate(PrecisionPlan("fp32"), runner="cuda")}
    monkeypatch.setattr("trtflow.runners.registry.probe", lambda *_: None)
    found = compare(overflowing, rows(2), on_engine, hooks=Hooks(log=lines.append))
    assert found.observer == {"fp32": pytest.approx(2.0, rel=1e-3)}, "x + 1 where x - 1 was, for x = 2"
    (line,) = lines
    assert line.startswith("fp32: reading its layers changes its own outputs by 2 of their root mean square: its")


def test_what_no_engine_can_have_low_is_logged(engine: FakeEngine) -> None:
    net = model([node("Mul", "x huge", "y", "up")], [info("x", [1, 4])], [info("y", [1, 4])], [f32("huge", 1e6)])
    lines: list[str] = []
    compare(net, rows(1), {"fp16": Candidate(runner="cuda")}, hooks=Hooks(log=lines.append))
    assert lines[0].startswith("cuda: up stays in higher precision than asked: constant huge reaches 1e+06")


def test_no_samples_are_refused(overflowing: onnx.ModelProto, engine: FakeEngine) -> None:
    with pytest.raises(DataError, match="no samples"):
        compare(overflowing, [], {"fp16": Candidate(runner="cuda")})


def test_a_runner_that_is_not_here_says_what_is_missing(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, FakeEngine(missing="it needs a GPU"))
    with pytest.raises(BackendError, match="it needs a GPU"):
        compare(overflowing, rows(1), {"fp16": Candidate(runner="cuda")})


@pytest.mark.slow
@pytest.mark.parametrize("low", ["fp16", "bf16"])
def test_all_layers_of_the_unet_are_read_on_an_engine_as_the_emulator_has_them(
    low: Precision, engine: FakeEngine
) -> None:
    net = load(UNET / "unet.onnx").model
    samples = [Sample({"image": np.load(UNET / "eval.npz")["image"][:1].astype(np.float32)})]
    held = [*rewrite(net, PrecisionPlan(low)).promoted]
    plan = PrecisionPlan(low).assign(held, "fp32")
    found = compare(net, samples, {"engine": Candidate(plan, runner="cuda"), "emulated": Candidate(plan)})
    assert (len(found.layers), found.unseen, found.observer) == (44, (), {"engine": 0.0})
    for layer in found.layers:
        one, other = (found.candidates[name][layer.tensor] for name in ("engine", "emulated"))
        assert one.cand_inf == other.cand_inf
        assert one.sqnr_db == pytest.approx(other.sqnr_db, abs=1.0, nan_ok=True)

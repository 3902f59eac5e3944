"""A rewritten file is measured as it is typed, and judged by the user's conditions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from fake_engines import Execute, FakeEngine, WeakEngine, install, is_mixed, refusing
from graph_models import f32, info, model, node
from planted import rows

from trtflow.data import Sample
from trtflow.errors import BackendError, BuildError, MetricError
from trtflow.files.constraints import Constraints, ModelReference, Node
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import TypedRunner
from trtflow.tasks import judge
from trtflow.tasks.judge import Conditions
from trtflow.tasks.rewrite import rewrite
from trtflow.tasks.validate import validate
from trtflow.trt.request import EngineSettings

LOW, MIXED = PrecisionPlan("fp16"), PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})


@pytest.mark.parametrize("low", ["fp16", "bf16"])
def test_what_lies_before_a_selection_is_measured_in_every_format(low: Precision) -> None:
    scaled, largest = node("Mul", "x w", "scores"), node("ArgMax", "scores", "best", axis=1)
    best = info("best", [1, 1], onnx.TensorProto.INT64)
    proto = model([scaled, largest], [info("x", [1, 4])], [best], [f32("w", [1.01, 2.03, 3.07, 4.11])])
    found = validate(proto, rewrite(proto, PrecisionPlan(low)).model, rows(1.3, 2.7))
    assert 30 < found.candidate["sqnr"] < 90


@pytest.mark.parametrize(
    ("plan", "value", "accepted"),
    [(MIXED, 70, True), (LOW, 60, True), (LOW, 70, False)],
    ids=["the culprits are high", "nothing overflows", "something does"],
)
def test_a_file_is_accepted_as_it_computes(
    overflowing: onnx.ModelProto, plan: PrecisionPlan, value: float, accepted: bool
) -> None:
    found = validate(overflowing, rewrite(overflowing, plan).model, rows(1.3, value))
    assert (found.accepted, found.samples) == (accepted, 2)
    assert found.accept == {"sqnr": {"min": 30.0}}
    assert (found.reference["sqnr"], math.isfinite(found.candidate["sqnr"])) == (math.inf, accepted)


def test_a_model_against_itself_is_exact(overflowing: onnx.ModelProto) -> None:
    assert validate(overflowing, overflowing, rows(70)).candidate == {"sqnr": math.inf}


@pytest.mark.parametrize(
    ("accept", "accepted"),
    [
        ({"cosine": {"min": 0.9}}, True),
        ({"cosine": {"min": 0.9}, "sqnr": {"min": 300.0}}, False),
        ({"cosine": {"min": 1.5}}, False),
    ],
)
def test_every_condition_has_a_margin_and_all_must_hold(
    overflowing: onnx.ModelProto, accept: Conditions, accepted: bool
) -> None:
    found = validate(overflowing, rewrite(overflowing, MIXED).model, rows(1.3, 70.7), accept=accept)
    assert found.accepted is accepted
    assert found.margins.keys() == {f"{name}.min" for name in accept}
    assert all(margin >= 0 for margin in found.margins.values()) is accepted


def worst(outputs: Sequence[Mapping[str, Any]], labels: Sequence[Any]) -> dict[str, float]:
    """The largest output, in units of the largest label."""
    return {"worst": max(float(o["y"].max()) for o in outputs) / max(labels)}


@pytest.mark.parametrize(("bound", "accepted"), [(2.1, True), (0.5, False)])
def test_a_metric_of_the_users_sees_outputs_and_labels(
    overflowing: onnx.ModelProto, bound: float, accepted: bool
) -> None:
    mixed = rewrite(overflowing, MIXED).model
    found = validate(overflowing, mixed, rows(1, 2), accept={"worst": {"max": bound}}, metric=worst)
    assert found.accepted is accepted
    assert found.reference["worst"] == pytest.approx(1.5)


def test_labels_that_a_metric_needs_and_the_data_lack_are_an_error(overflowing: onnx.ModelProto) -> None:
    with pytest.raises(MetricError, match="iou needs labels"):
        validate(overflowing, overflowing, [Sample(rows(1)[0].feed)], accept={"iou": {"drop": 0.1}})


def samples(*values: float) -> list[Sample]:
    return [Sample({"x": np.full((1, 4), value, np.float32)}) for value in values]


@pytest.mark.parametrize(("fed", "accepted", "worst"), [((1.0, 70.0, 1.0), False, 1), ((2.0, 1.0003), True, 1)])
def test_the_worst_sample_is_named(
    overflowing: onnx.ModelProto, fed: tuple[float, ...], accepted: bool, worst: int
) -> None:
    verdict = validate(overflowing, rewrite(overflowing, PrecisionPlan("fp16")).model, samples(*fed))
    assert (verdict.accepted, verdict.worst_sample, verdict.silent) == (accepted, worst, ())


def test_no_sample_is_the_worst_of_an_exact_file_and_zeros_are_told(products: onnx.ModelProto) -> None:
    data = [Sample({"x": np.full((1, 6), value, np.float32)}, origin=f"sample {value}") for value in (1, 0)]
    verdict = validate(products, products, data)
    assert (verdict.accepted, verdict.worst_sample, verdict.silent) == (True, None, ("sample 0",))


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


WEAK = EngineSettings(typing="weak", timeout=9)
KEPT = {"up": "fp32", "down": "fp32"}
LARGE = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (1.5, 66.1, 70.9)]


def decision(default: Any, nodes: dict[str, Any], **more: Any) -> Constraints:
    """A decision over the overflowing model."""
    entries = {name: Node(precision=low, op="Mul", reason="R01") for name, low in nodes.items()}
    reference = ModelReference(path="m.onnx", sha256="0")
    return Constraints(model=reference, default=default, nodes=entries, **more)


@pytest.mark.parametrize(("nodes", "accepted"), [(KEPT, True), ({}, False)])
def test_a_weakly_typed_engine_is_one_of_the_reference_told_the_plan(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch, nodes: dict[str, Any], accepted: bool
) -> None:
    engine = WeakEngine()
    install(monkeypatch, engine)
    decided = decision("fp16", nodes)
    mixed = rewrite(overflowing, decided.plan).model
    verdict = validate(overflowing, mixed, LARGE, runner="cuda", constraints=decided, trt=WEAK)
    assert (verdict.accepted, verdict.emulated, verdict.typing) == (accepted, accepted, "weak")
    ((model, request),) = engine.asked
    assert (model, request.plan, request.settings) == (overflowing, decided.plan, WEAK)


def test_without_constraints_a_weakly_typed_engine_has_nothing_to_be_told(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, WeakEngine())
    with pytest.raises(BackendError, match="there are no constraints to tell; give `constraints`"):
        validate(overflowing, overflowing, SAMPLES, runner="cuda", trt=WEAK)


@pytest.mark.parametrize("typing", ["strong", "weak"])
def test_how_an_engine_that_was_built_is_typed_is_told(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch, typing: Any
) -> None:
    install(monkeypatch, WeakEngine())
    decided = decision("fp16", KEPT)
    mixed = rewrite(overflowing, decided.plan).model
    trt = EngineSettings(typing=typing)
    assert validate(overflowing, mixed, SAMPLES, runner="cuda", constraints=decided, trt=trt).typing == typing
    assert validate(overflowing, mixed, SAMPLES).typing is None

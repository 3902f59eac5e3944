"""The planted culprits are found, exactly they, and the document says how and at what price."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import pytest
from fake_engines import Execute, FakeEngine, halves, install, is_mixed, refusing
from graph_models import f32, info, model, node
from onnx import helper, numpy_helper
from planted import rows

from trtflow.data import Sample
from trtflow.errors import BackendError, MetricError, PlanError
from trtflow.files.search import Saturation
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import TypedRunner
from trtflow.search.ledger import Budget
from trtflow.tasks import bisect as task
from trtflow.tasks import bisection
from trtflow.tasks.bisect import bisect
from trtflow.tasks.bisection import BisectSettings
from trtflow.tasks.compare import compare
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.judge import Conditions
from trtflow.tasks.rewrite import rewrite
from trtflow.tasks.searching import Decided
from trtflow.tasks.validate import validate

BARE = BisectSettings(baselines=(), held_out=0)
SAMPLES = rows(1, 30, 66, 70)


@pytest.fixture
def net() -> onnx.ModelProto:
    """y = x · 1000 · 0.001 + 4: ``up`` and ``down`` touch what exceeds FP16, four additions of 1 follow."""
    nodes = [node("Mul", "x thousand", "a", "up"), node("Mul", "a thousandth", "b", "down")]
    names = ["b", "t0", "t1", "t2", "y"]
    nodes += [node("Add", f"{first} one", second, f"add-{second}") for first, second in pairwise(names)]
    weights = [f32("thousand", 1000), f32("thousandth", 0.001), f32("one", 1)]
    return model(nodes, [info("x", ["N", 4])], [info("y", ["N", 4])], weights)


def needed(found: Any) -> set[str]:
    """What was kept for accuracy, not to save Casts."""
    return {*found.search.kept} - {*found.search.merged}


def test_exactly_the_culprits_are_kept(net: onnx.ModelProto) -> None:
    found = bisect(net, SAMPLES, settings=BARE)
    assert needed(found) == {"up", "down"}
    assert found.plan == PrecisionPlan("fp16", dict.fromkeys(found.search.kept, "fp32"))
    assert (found.search.accepted, found.search.low, found.search.strategy) == (True, "fp16", "trtflow")
    assert (found.search.state, found.search.lowered) == ("accepted", 6 - len(found.search.kept))


def test_a_plan_that_lowers_nothing_gains_nothing(overflowing: onnx.ModelProto) -> None:
    large = rows(1e5, 2e5, 3e5)
    del overflowing.graph.node[1:]
    overflowing.graph.node[0].output[0] = "y"
    found = bisect(overflowing, large, settings=BARE).search
    assert (found.accepted, found.kept, found.lowered, found.state) == (True, ("up",), 0, "nothing-gained")


def test_the_document_holds_both_ends_and_the_candidate(net: onnx.ModelProto) -> None:
    metrics = bisect(net, SAMPLES, settings=BARE).search.metrics
    assert metrics["reference"]["sqnr"] == math.inf
    assert metrics["low"]["sqnr"] == -math.inf
    assert metrics["candidate"]["sqnr"] > 30


def test_every_kept_node_has_its_share_of_the_work(net: onnx.ModelProto) -> None:
    found = bisect(net, SAMPLES, settings=BARE).search
    assert found.node_costs.keys() == {*found.kept}
    assert all(0 < share < 1 for share in found.node_costs.values())
    assert sum(found.node_costs.values()) <= found.cost


@pytest.mark.parametrize(
    ("low", "high", "kept"),
    [("fp16", "fp32", {"up", "down"}), ("fp16", "bf16", {"up", "down"}), ("bf16", "fp32", set())],
)
def test_formats_are_chosen_freely(net: onnx.ModelProto, low: Precision, high: Precision, kept: set[str]) -> None:
    found = bisect(net, SAMPLES, low=low, settings=replace(BARE, high=high))
    assert needed(found) == kept
    assert {found.plan.precision(name) for name in kept} <= {high}
    assert found.plan.default == low


def test_a_constant_that_fp16_cannot_hold_is_high_whatever_is_measured() -> None:
    nodes = [node("Mul", "x huge", "a", "scale"), node("Mul", "a tiny", "b", "back"), node("Neg", "b", "y", "neg")]
    net = model(nodes, [info("x", ["N", 4])], [info("y", ["N", 4])], [f32("huge", 1e6), f32("tiny", 1e-6)])
    found = bisect(net, rows(1e-3, 2e-3), accept={"sqnr": {"min": -100.0}}, settings=BARE).search
    assert (found.kept, found.forced, found.merged) == (("scale",), ("scale",), ())
    assert found.because["scale"].word == "constant"
    assert found.because["scale"].text == "constant huge reaches 1e+06, which fp16 turns into inf"


def test_both_ends_and_the_candidate_are_measured_on_all_samples_whichever_searched(net: onnx.ModelProto) -> None:
    found = bisect(net, SAMPLES, settings=replace(BARE, held_out=0.25))
    judged = validate(net, rewrite(net, found.plan).model, SAMPLES)
    low = validate(net, rewrite(net, PrecisionPlan("fp16")).model, SAMPLES)
    assert (found.search.samples, found.search.judged_on) == (3, len(SAMPLES))
    assert found.search.metrics["candidate"] == judged.candidate
    assert found.search.metrics["low"] == low.candidate


def test_nothing_is_kept_where_nothing_breaks(net: onnx.ModelProto) -> None:
    found = bisect(net, rows(1, 2), settings=BARE)
    assert (found.plan, found.search.kept, found.search.reason) == (
        PrecisionPlan("fp16"),
        (),
        "fp16 alone is accepted",
    )


def test_what_not_even_fp32_meets_is_not_blamed_on_precision(net: onnx.ModelProto) -> None:
    def worse_on_fewer(outputs: Any, labels: Any) -> dict[str, float]:
        return {"score": len(outputs) / len(SAMPLES)}

    settings = replace(BARE, held_out=0.25)
    found = bisect(net, SAMPLES, accept={"score": {"min": 0.9}}, metric=worse_on_fewer, settings=settings).search
    assert (found.accepted, found.state) == (False, "not-accepted")
    assert "precision is not the cause" in found.reason


def test_every_better_plan_is_handed_out_at_once_and_the_last_is_the_result(net: onnx.ModelProto) -> None:
    plans: list[PrecisionPlan] = []
    found = bisect(net, SAMPLES, settings=BARE, on_plan=plans.append)
    assert len(plans) > 1
    assert plans[-1] == found.plan
    assert sum(entry.best for entry in found.search.evaluations) == len(plans)


def test_statistics_lead_to_the_culprits_in_fewer_measurements(net: onnx.ModelProto) -> None:
    blind = bisect(net, SAMPLES, settings=BARE)
    told = bisect(net, SAMPLES, statistics=compare(net, SAMPLES), settings=BARE)
    assert told.plan == blind.plan
    assert len(told.search.evaluations) < len(blind.search.evaluations)


def test_held_out_samples_are_named_and_not_searched(net: onnx.ModelProto) -> None:
    found = bisect(net, SAMPLES, settings=replace(BARE, held_out=0.25)).search
    assert (found.samples, found.held_out) == (3, 1)
    assert {*found.kept} - {*found.merged} == {"up", "down"}


def test_a_culprit_that_only_a_held_out_sample_shows_is_found_all_the_same(net: onnx.ModelProto) -> None:
    lines: list[str] = []
    found = bisect(net, rows(1, 2, 3, 70), settings=replace(BARE, held_out=0.25), hooks=Hooks(log=lines.append))
    assert needed(found) == {"up", "down"}
    assert (found.search.samples, found.search.held_out) == (4, 0)
    assert any("searching again on all samples" in line for line in lines)


@pytest.mark.parametrize("name", ["bisect", "bisect-reverse", "linear"])
def test_baselines_are_shown_beside_the_result_and_keep_no_less(net: onnx.ModelProto, name: str) -> None:
    found = bisect(net, SAMPLES, settings=replace(BARE, baselines=(name,))).search
    (baseline,) = found.baselines
    assert (baseline.name, baseline.accepted) == (name, True)
    assert baseline.kept >= 2
    assert baseline.cost >= found.cost


@pytest.mark.parametrize("settings", [replace(BARE, strategy="bisct"), replace(BARE, baselines=("linear", "bisct"))])
def test_an_unknown_strategy_is_refused_with_those_that_there_are(
    net: onnx.ModelProto, settings: BisectSettings
) -> None:
    with pytest.raises(PlanError, match="no strategy 'bisct'; expected one of alone-low-binary, bisect, "):
        bisect(net, SAMPLES, settings=settings)


def test_a_budget_ends_in_an_accepted_plan(net: onnx.ModelProto) -> None:
    found = bisect(net, SAMPLES, settings=replace(BARE, budget=Budget(evaluations=3))).search
    assert found.accepted
    assert found.reason.startswith("the budget ended the search; ")
    assert found.measured <= 5


def test_a_front_is_drawn_on_request_from_cheap_to_exact(net: onnx.ModelProto) -> None:
    assert bisect(net, SAMPLES, settings=BARE).search.front == ()
    front = bisect(net, SAMPLES, settings=replace(BARE, pareto=4)).search.front
    assert [point.cost for point in front] == sorted(point.cost for point in front)
    assert [point.sqnr for point in front] == sorted(point.sqnr for point in front if point.sqnr is not None)


@pytest.mark.parametrize(
    ("rounding", "kept", "said"),
    [
        ("tensor", True, "everything in fp16 is accepted where an engine rounds fused units once"),
        (
            "unit",
            False,
            "everything in fp16 is refused where every tensor is rounded; the plan that was found is refused",
        ),
    ],
)
def test_that_fusion_decides_is_said(rounding: Any, kept: bool, said: str) -> None:
    """The sum exceeds FP16 before the bias takes it back, which one kernel never stores."""
    nodes = [
        node("MatMul", "x w", "a", "product"),
        node("Add", "a back", "b", "bias"),
        node("Relu", "b", "y", "relu"),
    ]
    weights = [f32("w", [[400.0] * 4] * 4), f32("back", [-65_000.0] * 4)]
    net = model(nodes, [info("x", ["N", 4])], [info("y", ["N", 4])], weights)
    found = bisect(net, rows(41.5, 42), settings=replace(BARE, rounding=rounding)).search
    assert (found.accepted, bool(found.kept)) == (True, kept)
    assert found.fusion.startswith(said)
    assert found.fusion.endswith("Folding BatchNormalization in the graph ends it.")


def test_where_fusion_changes_nothing_nothing_is_said(net: onnx.ModelProto) -> None:
    assert bisect(net, SAMPLES, settings=BARE).search.fusion == ""


def test_a_metric_that_cannot_be_measured_is_an_error(net: onnx.ModelProto) -> None:
    bare = [replace(sample, label=None) for sample in SAMPLES]
    with pytest.raises(MetricError, match="iou needs labels"):
        bisect(net, bare, accept={"iou": {"drop": 0.1}}, settings=BARE)


WIDTH = 64
FED = [Sample({"x": np.full((1, WIDTH), value, np.float32)}) for value in (1.1, 70.1, 3.7)]
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
    return bisect(model, FED, accept=ACCEPT, settings=BisectSettings(runner=runner, baselines=()))


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
    verdict = validate(network, mixed, FED, accept=ACCEPT, runner="cuda")
    assert (verdict.accepted, verdict.runner, verdict.emulated) == (True, "cuda", emulated)
    assert verdict.candidate == found.search.metrics["candidate"]


def test_where_the_engine_refuses_even_fp32_nothing_is_accepted(
    network: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    def zeros(model: onnx.ModelProto) -> Runner:
        changed = onnx.ModelProto.FromString(model.SerializeToString())
        for each in changed.graph.node:
            each.op_type = {"Mul": "Sub"}.get(each.op_type, each.op_type)
        return TypedRunner(changed)

    install(monkeypatch, FakeEngine(zeros))
    found = decided(network)
    assert (found.search.accepted, found.search.emulated) == (False, True)
    assert not validate(network, network, FED, accept=ACCEPT, runner="cuda").accepted


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
        validate(network, rewrite(network, found.plan).model, FED, accept=ACCEPT, runner="cuda")


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


@pytest.fixture
def inverse() -> onnx.ModelProto:
    """y = x + 1/√x³, which is x to four digits from 300 on; there x³ is infinite in FP16 and the inverse 0."""
    nodes = [node("Pow", "x three", "a", "cube"), node("Sqrt", "a", "b", "root")]
    nodes += [node("Reciprocal", "b", "c", "inverse"), node("Add", "x c", "y", "add")]
    return model(nodes, [info("x", ["N", 4])], [info("y", ["N", 4])], [f32("three", 3)])


def test_what_rests_on_infinities_that_may_do_harm_is_kept_high_though_the_metric_does_not_mind(
    inverse: onnx.ModelProto,
) -> None:
    found = bisect(inverse, rows(300, 320), settings=BARE)
    assert {*found.plan.nodes} == {"cube", "root"}
    assert (found.search.accepted, found.search.forced) == (True, ("cube", "root"))
    assert found.search.saturation == Saturation(layers=4, kept=("cube", "root"))
    assert found.search.reason.endswith(
        "cube, root for infinities that are not shown to be harmless in low precision"
    )


def test_any_infinity_is_accepted_on_request_and_said(inverse: onnx.ModelProto) -> None:
    found = bisect(inverse, rows(300, 320), settings=replace(BARE, saturation="any"))
    assert (found.plan.nodes, found.search.accepted, found.search.refused_inside) == ({}, True, False)
    assert found.search.saturation == Saturation(layers=4, nodes=("cube", "root"), unshown={"inverse": "Reciprocal"})


def test_a_plan_that_cannot_be_freed_of_them_is_not_accepted(
    inverse: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bisection, "LOOKS", 1)
    found = bisect(inverse, rows(300, 320), settings=BARE).search
    assert (found.accepted, found.refused_inside) == (False, True)
    assert "lost in Reciprocal (inverse)" in found.reason


def test_statistics_do_not_hide_what_is_inside(inverse: onnx.ModelProto) -> None:
    samples = rows(300, 320)
    told = bisect(inverse, samples, statistics=compare(inverse, samples), settings=BARE)
    assert {*told.plan.nodes} == {"cube", "root"}


def test_nothing_is_looked_at_inside_what_is_not_accepted(inverse: onnx.ModelProto) -> None:
    assert bisect(inverse, rows(300), accept={"cosine": {"min": 1.5}}, settings=BARE).search.saturation is None

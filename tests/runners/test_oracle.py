"""Each plan is measured once, ever; a probe looks at the samples that the low end treated worst."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from dict_memo import DictMemo
from doubling import Install

from trtflow.data import Sample
from trtflow.errors import BackendError, BuildCrash, BuildError, BuildTimeout, ModelError
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.emulated import Rounding, TypedRunner
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.oracle import EmulatedOracle, EngineOracle, ProbingOracle
from trtflow.runners.reference import ReferenceRunner
from trtflow.runners.registry import executor
from trtflow.search.problem import Problem, Unit
from trtflow.search.run import search
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange

SAMPLES = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (1.1, 70.1, 2.1, 3.1)]


def oracle(model: onnx.ModelProto, memo: DictMemo) -> EmulatedOracle:
    evaluator = Evaluator(ReferenceRunner(model), SAMPLES, {"sqnr": {"min": 30}})
    return EmulatedOracle(model, evaluator, "tensor", memo, {"model": "m"})


def test_a_second_process_reuses_what_the_first_measured(overflowing: onnx.ModelProto) -> None:
    memo = DictMemo()
    first = oracle(overflowing, memo).evaluate(PrecisionPlan("fp16"))
    again = oracle(overflowing, memo).evaluate(PrecisionPlan("fp16"))
    assert (first.reused, again.reused) == (False, True)
    assert (again.accepted, again.margin, again.error) == (first.accepted, first.margin, first.error)


def test_a_probe_uses_the_hardest_samples_only(overflowing: onnx.ModelProto) -> None:
    measured = oracle(overflowing, DictMemo())
    assert not measured.evaluate(PrecisionPlan("fp16")).accepted
    outcome = measured.probe(PrecisionPlan("fp16"))
    assert not outcome.accepted
    assert outcome.passes == 0.5
    assert ProbingOracle(measured).evaluate(PrecisionPlan("fp16")).reused


def test_a_plan_that_passes_has_a_finite_error_and_a_margin(overflowing: onnx.ModelProto) -> None:
    outcome = oracle(overflowing, DictMemo()).evaluate(PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"}))
    assert outcome.accepted
    assert outcome.margin > 0
    assert 0 < outcome.error < 1e-5


def test_without_a_memo_an_oracle_remembers_for_itself(overflowing: onnx.ModelProto) -> None:
    evaluator = Evaluator(ReferenceRunner(overflowing), SAMPLES, {"sqnr": {"min": 30}})
    plan = PrecisionPlan("fp16")
    first, other = EmulatedOracle(overflowing, evaluator), EmulatedOracle(overflowing, evaluator)
    assert [first.evaluate(plan).reused, first.evaluate(plan).reused, other.evaluate(plan).reused] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("rounding", "plan", "shared"),
    [
        ("tensor", PrecisionPlan("fp16"), True),
        ("tensor", PrecisionPlan("bf16", {"up": "fp32"}), True),
        ("tensor", PrecisionPlan("fp32", {"up": "fp16"}), False),
        ("tensor", PrecisionPlan("fp16", {"up": "bf16"}), False),
        ("unit", PrecisionPlan("fp16"), False),
    ],
)
def test_probes_share_one_session_where_a_switch_can_tell_plans_apart(
    overflowing: onnx.ModelProto, rounding: Rounding, plan: PrecisionPlan, shared: bool
) -> None:
    evaluator = Evaluator(ReferenceRunner(overflowing), SAMPLES, {"sqnr": {"min": 30}})
    prober = EmulatedOracle(overflowing, evaluator, rounding).prober
    assert (prober(plan) is prober(plan)) is shared


TWO = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (1.1, 70.1)]
PROBLEM = Problem(tuple(Unit(index, (name,), 0.3) for index, name in enumerate(("up", "down", "add"))))
ACCEPT = {"sqnr": {"min": 40}}


def faithful(model: onnx.ModelProto) -> ReferenceRunner:
    """An engine that does what the types say."""
    return TypedRunner(model)


def broken_add(model: onnx.ModelProto) -> ReferenceRunner:
    """An engine whose FP16 kernel of Add is wrong: an extra culprit that no emulation can know."""
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    spoiled = onnx.ModelProto.FromString(model.SerializeToString())
    for node in spoiled.graph.node:
        if node.op_type == "Add" and onnx.TensorProto.FLOAT16 in {types.get(name) for name in node.input}:
            node.op_type = "Sub"
    return TypedRunner(spoiled)


def unbuildable(model: onnx.ModelProto) -> ReferenceRunner:
    """A builder that refuses everything."""
    raise BuildError("no implementation")


def unreachable(model: onnx.ModelProto) -> ReferenceRunner:
    """An engine that cannot be asked."""
    raise BackendError("no driver")


def oracles(
    model: onnx.ModelProto, execute: Callable[[onnx.ModelProto], ReferenceRunner]
) -> tuple[EmulatedOracle, EngineOracle]:
    evaluator = Evaluator(ReferenceRunner(model), TWO, ACCEPT)
    return EmulatedOracle(model, evaluator), EngineOracle(model, evaluator, execute)


@pytest.mark.parametrize(
    ("execute", "kept", "verdict"),
    [(faithful, {"up", "down"}, "agree"), (broken_add, {"up", "down", "add"}, "engine-stricter")],
)
def test_the_engine_has_the_last_word(
    overflowing: onnx.ModelProto,
    execute: Callable[[onnx.ModelProto], ReferenceRunner],
    kept: set[str],
    verdict: str,
) -> None:
    emulator, engine = oracles(overflowing, execute)
    result = search(PROBLEM, emulator, confirm=engine)
    assert result.accepted
    assert set(result.plan.nodes) == kept
    assert result.confirmation is not None
    assert result.confirmation.verdict == verdict


def test_an_engine_that_agrees_is_built_once_beyond_the_ends(overflowing: onnx.ModelProto) -> None:
    emulator, engine = oracles(overflowing, faithful)
    assert search(PROBLEM, emulator, confirm=engine).builds <= 3


def test_a_plan_that_cannot_be_built_has_failed_and_is_not_bad(overflowing: onnx.ModelProto) -> None:
    _, engine = oracles(overflowing, unbuildable)
    outcome = engine.evaluate(PrecisionPlan("fp16"))
    assert (outcome.status, outcome.accepted, outcome.why) == ("failed", False, "no implementation")


def test_an_engine_that_cannot_be_asked_is_an_error_and_says_nothing_of_the_plan(
    overflowing: onnx.ModelProto,
) -> None:
    _, engine = oracles(overflowing, unreachable)
    with pytest.raises(BackendError, match="no driver"):
        engine.evaluate(PrecisionPlan("fp16"))


def test_a_weakly_typed_engine_is_told_the_plan_on_the_model_itself(overflowing: onnx.ModelProto) -> None:
    asked: list[object] = []

    def execute(model: onnx.ModelProto, *told: object) -> ReferenceRunner:
        asked.append((model, *told))
        return ReferenceRunner(model)

    evaluator = Evaluator(ReferenceRunner(overflowing), TWO, ACCEPT)
    plan = PrecisionPlan("fp16", {"up": "fp32"})
    EngineOracle(overflowing, evaluator, execute, typing="weak").evaluate(plan)
    EngineOracle(overflowing, evaluator, execute).evaluate(PrecisionPlan("fp32"))
    assert asked == [(overflowing, plan), (rewrite(overflowing, PrecisionPlan("fp32")).model,)]


@pytest.mark.parametrize(
    ("error", "failure"),
    [(BuildError, "refusal"), (BuildCrash, "crash"), (BuildTimeout, "time-out"), (ModelError, "refusal")],
)
def test_how_a_plan_failed_is_kept_beside_why(
    overflowing: onnx.ModelProto, error: type[Exception], failure: str
) -> None:
    def execute(model: onnx.ModelProto) -> ReferenceRunner:
        raise error("no kernel")

    _, engine = oracles(overflowing, execute)
    outcome = engine.evaluate(PrecisionPlan("fp16"))
    assert (outcome.status, outcome.failure, outcome.why) == ("failed", failure, "no kernel")


def test_what_an_engine_does_not_honour_is_told_also_from_the_memo(
    double: Install, overflowing: onnx.ModelProto
) -> None:
    double("10.16.1", ignore=["up"])
    evaluator, memo = Evaluator(ReferenceRunner(overflowing), SAMPLES, {"sqnr": {"min": 30}}), DictMemo()
    shapes = {"x": ShapeRange((1, 4), (1, 4), (2, 4))}
    execute = executor("tensorrt", EngineRequest(Path("model.onnx"), shapes, EngineSettings("weak")))
    plan = PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})
    told = [EngineOracle(overflowing, evaluator, execute, memo, typing="weak").evaluate(plan) for _ in range(2)]
    assert [(outcome.unheeded, outcome.reused) for outcome in told] == [(("up",), False), (("up",), True)]

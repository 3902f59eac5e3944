"""Plans that hold on kernels that accumulate in FP32 only: when that is measured, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from report_fakes import search

from trtflow.data import Sample
from trtflow.errors import ModelError, PlanError
from trtflow.files.outcomes import VerdictDocument
from trtflow.files.statistics import Statistics
from trtflow.plan import PrecisionPlan
from trtflow.precision import BF16, FP16, FP32
from trtflow.runners.accumulated import AccumulatedRunner
from trtflow.tasks import accumulation as task
from trtflow.tasks.accumulation import accumulation_mark, loudest, suspects, told
from trtflow.tasks.bisect import bisect
from trtflow.tasks.bisection import BisectSettings
from trtflow.tasks.compare import compare
from trtflow.tasks.documents import Documents
from trtflow.tasks.emulate import emulate
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.judge import judge_by
from trtflow.tasks.marks import marks
from trtflow.tasks.rewrite import rewrite
from trtflow.tasks.validate import validate

ALL = PrecisionPlan(FP16)
BARE = BisectSettings(baselines=(), held_out=0)
DEPTH = 1024


def there_and_back(depth: int = DEPTH) -> onnx.ModelProto:
    """y = relu(x · w): half of a column takes back what the other half adds up, but for the last row's 1."""
    weight = np.repeat(np.float32([[16, 0.25], [-16, 0.25]]), depth // 2, axis=0)
    weight[-1, 0] += 1
    nodes = [node("MatMul", "x w", "s", "product"), node("Relu", "s", "y", "relu")]
    return model(nodes, [info("x", ["N", depth])], [info("y", ["N", 2])], [f32("w", weight)])


def fed(*values: float, depth: int = DEPTH) -> list[Sample]:
    return [Sample({"x": np.full((1, depth), value, np.float32)}) for value in values]


LOUD, QUIET = fed(16, 15), fed(1, 2)


def searched(samples: list[Sample], statistics: bool = True, **settings: Any) -> Any:
    net = there_and_back()
    told_of = compare(net, samples) if statistics else None
    return bisect(net, samples, statistics=told_of, settings=replace(BARE, **settings))


def test_a_plan_that_holds_with_sums_in_fp32_alone_depends_on_the_kernel() -> None:
    found = searched(LOUD)
    assert found.search.accepted
    assert "product" not in found.plan.nodes
    assert all(part in found.search.accumulation for part in ("of product exceed 65504", "power of two", "keep"))
    (mark,) = (mark for mark in marks(Documents(floats=found.search)) if "kernel" in mark)
    assert mark.startswith("depends on the kernel: with sums in FP16 the plan is refused")


def test_a_search_with_sums_in_fp16_keeps_the_product_and_depends_on_nothing() -> None:
    found = searched(LOUD, accumulation=FP16)
    assert found.search.accepted
    assert "product" in found.plan.nodes
    assert found.search.accumulation == ""


@pytest.mark.parametrize("statistics", [True, False], ids=["small sums", "nothing known"])
def test_nothing_is_measured_where_sums_stay_small_or_nothing_is_known(
    statistics: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "AccumulatedRunner", None)
    assert searched(QUIET if statistics else LOUD, statistics).search.accumulation == ""


def test_what_overflows_and_does_no_harm_is_not_told() -> None:
    net = there_and_back()
    net.graph.node[1].CopyFrom(node("Clip", "s low high", "y", "relu"))
    net.graph.initializer.extend([f32("low", 0), f32("high", 1)])
    found = bisect(net, LOUD, statistics=compare(net, LOUD), settings=BARE).search
    assert (found.accepted, found.accumulation) == (True, "")


class Refusal:
    """In the place of a runner, ONNX Runtime's refusal."""

    def __init__(self, *given: object) -> None:
        raise ModelError("ONNX Runtime refuses the model")


class Fault:
    """In the place of a runner, what nobody thought of."""

    def __init__(self, *given: object) -> None:
        raise MemoryError("16 GB")


@pytest.mark.parametrize(("broken", "why"), [(Refusal, "ONNX Runtime refuses the model"), (Fault, "16 GB")])
def test_what_cannot_be_measured_is_logged_and_takes_no_search_down(
    broken: type, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, lines = there_and_back(), list[str]()
    known = compare(net, LOUD)
    monkeypatch.setattr(task, "AccumulatedRunner", broken)
    found = bisect(net, LOUD, statistics=known, settings=BARE, hooks=Hooks(log=lines.append)).search
    assert (found.accepted, found.accumulation) == (True, "")
    assert [line for line in lines if "sums" in line] == [f"sums in FP16 were not looked at: {why}"]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What the runner with sums in FP16 is fed from now on."""
    fed_to = list[np.ndarray]()

    class Counted(AccumulatedRunner):
        def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
            fed_to.append(feed["x"])
            return super().__call__(feed)

    monkeypatch.setattr(task, "AccumulatedRunner", Counted)
    return fed_to


def test_one_pass_over_the_loudest_samples_is_all_that_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    levels = [*range(1, 8), 16, 15, 14, 13, 12]
    assert "of product exceed" in searched(fed(*levels)).search.accumulation
    assert [x.max() for x in seen] == [16, 15, 14, 13]


def test_a_plan_that_those_samples_refuse_anyway_depends_on_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Overflow is not to blame where the plan is refused on the few samples with sums in FP32 as well."""
    net = there_and_back()
    known, calls = compare(net, LOUD), list[bool]()
    evaluator = judge_by(None, None, allow_nonfinite=False).evaluator(net, LOUD, Hooks())
    assert task.refused_by_fp16_sums(net, ALL, evaluator, known) == ("product",)
    monkeypatch.setattr(task, "_refused", lambda part, runner: _noted(part, runner, calls))
    assert task.refused_by_fp16_sums(net, ALL, evaluator, known) == ()
    assert calls == [True, True]


def _noted(part: Any, runner: Any, calls: list[bool]) -> bool:
    part.measure(runner)
    calls.append(True)
    return True


@pytest.mark.parametrize(
    ("levels", "chosen"),
    [([1], [0]), ([3, 1, 2], [0, 1, 2]), ([1, 5, 2, 4, 3, 6], [1, 3, 4, 5]), ([-9, 0, 1, 0, 2, 3], [0, 2, 4, 5])],
)
def test_the_loudest_samples_are_those_of_the_largest_magnitudes(levels: list[float], chosen: list[int]) -> None:
    assert loudest(fed(*levels)) == chosen


@pytest.mark.parametrize(("limit", "expected", "said"), [(8, ("n",), False), (7, (), True)])
def test_convolutions_that_unfold_into_too_much_are_not_looked_at(
    limit: int, expected: tuple[str, ...], said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two channels of 2 × 2 pixels are eight values."""
    monkeypatch.setattr(task, "PATCHES", limit)
    weight = f32("w", np.full((3, 2, 1, 1), 1000))
    net = model([node("Conv", "x w", "y", "n")], [info("x", ["N", 2, 2, 2])], [info("y", None)], [weight])
    samples, lines = [Sample({"x": np.full((1, 2, 2, 2), 60, np.float32)})], list[str]()
    assert suspects(net, ALL, compare(net, samples), samples, lines.append) == expected
    assert lines == ["sums in FP16 of n were not looked at: their patches are too large"] * said


def test_bf16_has_no_sums_in_fp16() -> None:
    with pytest.raises(PlanError, match=r"`accumulation: fp16`.*BF16.*leave it out"):
        bisect(there_and_back(), LOUD, low=BF16, settings=replace(BARE, accumulation=FP16))


def test_emulation_comparison_and_validation_take_the_same_option() -> None:
    net = there_and_back()
    assert compare(net, LOUD, accumulation=FP16).first["s"].overflowed > 0
    assert compare(net, LOUD).first["s"].overflowed == 0
    assert emulate(net, ALL, accumulation=FP16) != emulate(net, ALL)
    mixed = rewrite(net, ALL).model
    verdicts = [validate(net, mixed, LOUD, accumulation=how).accepted for how in (FP32, FP16)]
    assert verdicts == [True, False]


def bounds(net: onnx.ModelProto, amax: dict[str, float], shape: tuple[int, ...]) -> tuple[str, ...]:
    """The suspects where tensors reach ``amax``; all samples have ones of ``shape``."""
    sample = Sample({value.name: np.ones(shape, np.float32) for value in net.graph.input})
    known = compare(net, [sample])
    figures = {name: replace(found, ref_amax=amax.get(name, 0.0)) for name, found in known.first.items()}
    statistics = Statistics.model_validate({**dict(known), "candidates": {FP16: figures}})
    return suspects(net, ALL, statistics, [sample])


@pytest.mark.parametrize(
    ("op", "attributes", "weight", "limit"),
    [
        ("MatMul", {}, [[1, 3], [2, 3]], 6),
        ("Gemm", {}, [[1, 3], [2, 3]], 6),
        ("Gemm", {"transB": 1}, [[1, 3], [2, -3]], 5),
        ("Conv", {}, [[[[1]], [[-3]]], [[[2]], [[3]]]], 5),
    ],
)
@pytest.mark.parametrize("beyond", [True, False])
def test_weights_bound_a_sum_by_their_magnitudes(
    op: str, attributes: dict[str, int], weight: Any, limit: float, beyond: bool
) -> None:
    shape = (1, 2, 2, 2) if op == "Conv" else (2, 2)
    net = model([node(op, "x w", "y", "n", **attributes)], [info("x", shape)], [info("y", None)], [f32("w", weight)])
    peak = 65504 / limit
    assert bounds(net, {"x": peak * (1.001 if beyond else 0.999)}, shape) == (("n",) if beyond else ())


@pytest.mark.parametrize(("peak", "expected"), [(90, ("n",)), (80, ())])
def test_two_fed_operands_bound_a_sum_by_its_length(peak: float, expected: tuple[str, ...]) -> None:
    given = [info("a", ["N", "N"]), info("b", ["N", "N"])]
    net = model([node("MatMul", "a b", "y", "n")], given, [info("y", None)])
    assert bounds(net, {"a": peak, "b": 100}, (8, 8)) == expected


def test_nodes_in_high_precision_are_not_suspected() -> None:
    net = there_and_back()
    known = compare(net, LOUD)
    assert suspects(net, ALL, known, LOUD) == ("product",)
    assert suspects(net, PrecisionPlan(FP16, {"product": FP32}), known, LOUD) == ()


def test_of_no_nodes_nothing_is_told() -> None:
    assert told(()) == ""


@pytest.mark.parametrize(("runner", "count"), [("emulated", 1), ("cuda", 0)])
def test_an_engine_that_judged_settles_it(runner: str, count: int) -> None:
    verdict = VerdictDocument(
        accepted=True, samples=1, reference={}, candidate={}, margins={}, accept={}, runner=runner
    )
    documents = Documents(floats=search(accumulation=told(("qk",))), verdict=verdict)
    assert len(list(accumulation_mark(documents))) == count
    assert list(accumulation_mark(replace(documents, floats=search()))) == []

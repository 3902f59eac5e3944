"""Search for the smallest, cheapest set of nodes that must stay in high precision."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from trtflow.errors import PlanError
from trtflow.steps.contract import Context, File, Result, Table
from trtflow.steps.options import Data, Judged
from trtflow.tasks.search_common import NONE_HOLDS, entry_document, held_out_samples, made_by, reporter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import ModelProto

    from trtflow.data import Sample
    from trtflow.runners.emulated import Rounding
    from trtflow.runners.evaluate import Evaluator
    from trtflow.runners.oracle import PlanOracle
    from trtflow.search.ledger import Evaluation
    from trtflow.search.oracle import Outcome
    from trtflow.search.problem import Problem
    from trtflow.search.run import SearchResult

version = 2
environment = ("onnxruntime",)
outputs = {"plan": "plan.json", "search": "search.json"}

SHOWN = 20  # kept nodes in the terminal; the report shows all


class With(Judged):
    """Options of ``bisect``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data
    low: Literal["fp16", "bf16"] = "fp16"
    high: Literal["fp32"] = "fp32"
    oracle: Literal["emulated", "engine", "both"] = Field(
        "emulated", description="who decides: the emulator, an engine, or the emulator with an engine that confirms"
    )
    engine: Literal["cuda", "tensorrt", "tensorrt-rtx"] = Field("tensorrt", description="which engine, if any")
    max_builds: int | None = Field(None, ge=2, description="engines that may be built")
    rounding: Literal["tensor", "unit"] = Field("tensor", description="round every tensor, or what an engine fuses")
    strategy: str = Field("trtflow", description="trtflow, or a baseline by name: bisect, bisect-reverse, linear")
    baselines: tuple[str, ...] = Field(("bisect",), description="strategies to compare with, on the hardest samples")
    pareto: int = Field(0, ge=0, description="more plans to measure, for the curve of error against cost")
    priors: File | None = Field(None, description="statistics of all layers, from compare")
    max_evaluations: int | None = Field(None, ge=1, description="passes over the samples that may be spent")
    max_seconds: float | None = Field(None, gt=0, description="time that may be spent")
    held_out: float = Field(0.25, ge=0, lt=1, description="share of the samples that only verify the result")


def run(options: With, context: Context) -> Result:
    """Search on some samples, verify on those held out, search again on all if that refuses."""
    import onnx

    from trtflow.search.held_out import verify
    from trtflow.tasks.samples import open_data, shapes_of
    from trtflow.tasks.search_problem import build_problem

    _check_strategies(options)
    model = onnx.load(options.model)
    samples = list(open_data(options.data, model))
    statistics = None if options.priors is None else json.loads(options.priors.read_text(encoding="utf-8"))
    problem = build_problem(model, options.low, options.high, shapes_of(samples[0]), statistics)
    held_out = held_out_samples(len(samples), options.held_out)
    bench = _bench(options, context, model, samples, [i for i in range(len(samples)) if i not in held_out])
    found = _find(bench, problem)
    if held_out and found.result.accepted:
        unseen = _bench(options, context, model, samples, sorted(held_out)).decider()
        held = verify(found.result, problem, unseen)
        context.log(NONE_HOLDS if held is None else f"held-out samples: {held.reason}")
        if held is None:
            held_out = frozenset()
            bench = _bench(options, context, model, samples, range(len(samples)))
            found = _find(bench, problem)
        else:
            found = replace(found, result=held)
    return _conclude(bench, problem, found, len(held_out))


def _check_strategies(options: With) -> None:
    from trtflow.search.run import STRATEGIES

    for name in (options.strategy, *options.baselines):
        if name not in STRATEGIES:
            raise PlanError(f"there is no strategy '{name}'; expected one of {', '.join(sorted(STRATEGIES))}.")


@dataclass(frozen=True)
class _Bench:
    """What measures plans on one choice of the samples. ``material`` is what an outcome depends on."""

    options: With
    context: Context
    model: ModelProto
    evaluator: Evaluator
    material: Mapping[str, Any]

    def emulator(self, rounding: Rounding | None = None) -> PlanOracle:
        """The emulator, with the rounding that decides unless another is asked for."""
        from trtflow.runners.oracle import EmulatedOracle

        used = rounding or self.options.rounding
        material = {**self.material, "rounding": used}
        return EmulatedOracle(self.model, self.evaluator, used, self.context.memo, material)

    def engine(self) -> PlanOracle:
        """The engine that the options name."""
        from trtflow.runners.backend import shape_ranges
        from trtflow.runners.oracle import EngineOracle
        from trtflow.runners.registry import executor
        from trtflow.tasks.samples import shapes_of

        name = self.options.engine
        execute = executor(name, shape_ranges([shapes_of(sample) for sample in self.evaluator.samples]))
        material = {**self.material, "engine": name}
        return EngineOracle(self.model, self.evaluator, execute, self.context.memo, material)

    def decider(self) -> PlanOracle:
        """Who has the last word."""
        return self.emulator() if self.options.oracle == "emulated" else self.engine()


def _bench(
    options: With, context: Context, model: ModelProto, samples: Sequence[Sample], chosen: Sequence[int]
) -> _Bench:
    from trtflow.tasks.samples import make_evaluator

    material = {
        "model": context.digest(options.model),
        "data": context.digest(options.data.source),
        "labels": options.data.labels,
        "chosen": list(chosen),
        "metric": options.metric and context.digest(options.metric),
        "metrics": sorted(options.accept),
    }
    evaluator = make_evaluator(options, model, [samples[index] for index in chosen])
    return _Bench(options, context, model, evaluator, material)


@dataclass(frozen=True)
class _Found:
    """The search's result, and the outcome of everything low, taken literally: no constant spared."""

    result: SearchResult
    low: Outcome
    oracle: PlanOracle


def _find(bench: _Bench, problem: Problem) -> _Found:
    from trtflow.plan import PrecisionPlan, write_plan
    from trtflow.search.ledger import Budget
    from trtflow.search.run import search

    options = bench.options
    oracle = bench.engine() if options.oracle == "engine" else bench.emulator()
    confirm = bench.engine() if options.oracle == "both" else None
    low = oracle.evaluate(PrecisionPlan(options.low))
    bench.context.log(f"everything in {options.low}, taken literally: margin {low.margin:.3g}")
    budget = Budget(options.max_evaluations, options.max_seconds, options.max_builds)
    report = reporter(bench.context)

    def note(entry: Evaluation) -> None:
        report(entry)
        if entry.best:
            write_plan(entry.plan, bench.context.folder / outputs["plan"])

    result = search(
        problem,
        oracle,
        strategy=options.strategy,
        budget=budget,
        on_evaluation=note,
        confirm=confirm,
        pareto=options.pareto,
    )
    return _Found(result, low, oracle)


def _conclude(bench: _Bench, problem: Problem, found: _Found, held_out: int) -> Result:
    from trtflow.files.strict_json import write_json
    from trtflow.plan import write_plan

    options, context, result = bench.options, bench.context, found.result
    kept = sorted(node for node, precision in result.plan.nodes.items() if precision != result.plan.default)
    write_plan(result.plan, context.folder / outputs["plan"])
    document = {
        "strategy": options.strategy,
        "made-by": made_by(),
        "data": Path(options.data.source).name,
        "low": options.low,
        "accepted": result.accepted,
        "minimal": result.minimal,
        "reason": result.reason,
        "kept": kept,
        "forced": sorted(problem.forced),
        "merged": sorted(result.merged),
        "oracle": options.oracle,
        "builds": result.builds,
        "cost": result.cost,
        "node-costs": {node: problem.price(node) for node in kept},
        "samples": len(bench.evaluator.samples),
        "held-out": held_out,
        "metrics": {
            "reference": bench.evaluator.reference.metrics,
            "low": found.low.metrics,
            "candidate": result.outcome.metrics,
        },
        "fusion": _fusion(bench, found),
        "front": [_point(entry) for entry in result.front] if options.pareto else [],
        "evaluations": [entry_document(entry) for entry in result.evaluations],
        "baselines": [_baseline(name, problem, found.oracle) for name in options.baselines],
    }
    write_json(document, context.folder / outputs["search"])
    measured = sum(entry.kind == "full" for entry in result.evaluations)
    rows = tuple((node, result.plan.precision(node), f"{problem.price(node):.2%}") for node in kept[:SHOWN])
    figures = {"kept": len(kept), "cost-share": result.cost, "evaluations": measured, "minimal": result.minimal}
    return Result(
        metrics=figures,
        summary=f"{result.reason} ({measured} evaluations)",
        table=Table(("node", "precision", "cost share"), rows, "what stays in high precision") if rows else None,
    )


def _point(entry: Evaluation) -> dict[str, Any]:
    outcome = entry.outcome
    sqnr = outcome.metrics.get("sqnr")
    return {"high": entry.high_count, "cost": entry.cost, "sqnr": sqnr, "accepted": outcome.accepted}


def _fusion(bench: _Bench, found: _Found) -> str:
    """What the verdict would be with the other rounding, where that differs; else nothing."""
    from trtflow.plan import PrecisionPlan

    oracle = bench.emulator("unit" if bench.options.rounding == "tensor" else "tensor")
    other = "an engine rounds fused units once" if bench.options.rounding == "tensor" else "every tensor is rounded"
    low = PrecisionPlan(bench.options.low)
    subjects = (
        (f"everything in {low.default}", found.low.accepted, low),
        ("the plan that was found", found.result.accepted, found.result.plan),
    )
    said = [
        f"{what} is {'refused' if accepted else 'accepted'} where {other}"
        for what, accepted, plan in subjects
        if oracle.evaluate(plan).accepted != accepted
    ]
    return f"Depends on fusion: {'; '.join(said)}. Folding BatchNormalization in the graph ends it." if said else ""


def _baseline(name: str, problem: Problem, oracle: PlanOracle) -> dict[str, Any]:
    """What another strategy keeps, on the hardest samples only: an illustration at little cost.

    Others know nothing of constants that a format cannot hold, so nothing is forced for them.
    """
    from trtflow.runners.oracle import ProbingOracle
    from trtflow.search.run import search

    result = search(replace(problem, forced=frozenset()), ProbingOracle(oracle), strategy=name)
    return {
        "name": name,
        "accepted": result.accepted,
        "kept": len(result.plan.nodes),
        "cost": result.cost,
        "evaluations": len(result.evaluations),
    }

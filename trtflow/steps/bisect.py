"""Search for the smallest, cheapest set of nodes that must stay in high precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from trtflow.engine.step import Context, File, Result, Table
from trtflow.errors import PlanError
from trtflow.steps.books import entry_document, made_by, reporter
from trtflow.steps.books import held_out as held_out_places
from trtflow.steps.options import Data, Judged

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtflow.data import Sample
    from trtflow.runners.evaluate import Evaluator
    from trtflow.runners.oracle import EmulatedOracle
    from trtflow.search.oracle import Outcome
    from trtflow.search.problem import Problem
    from trtflow.search.run import SearchResult

version = 1
environment = ("onnxruntime",)
outputs = {"plan": "plan.json", "search": "search.json"}


class With(Judged):
    """Options of ``bisect``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data
    low: Literal["fp16", "bf16"] = "fp16"
    high: Literal["fp32"] = "fp32"
    runner: Literal["auto", "emulated"] = Field("auto", description="what measures a plan; auto is emulated")
    rounding: Literal["tensor", "unit"] = Field("tensor", description="round every tensor, or what an engine fuses")
    strategy: str = Field("trtflow", description="trtflow, or a baseline by name: bisect, bisect-reverse, linear")
    baselines: tuple[str, ...] = Field(("bisect",), description="strategies to compare with, on the hardest samples")
    priors: File | None = Field(None, description="statistics of all layers, from compare")
    max_evaluations: int | None = Field(None, ge=1, description="passes over the samples that may be spent")
    max_seconds: float | None = Field(None, gt=0, description="time that may be spent")
    held_out: float = Field(0.25, ge=0, lt=1, description="share of the samples that only verify the result")


def run(options: With, context: Context) -> Result:
    """Search on some samples, verify on those held out, search again on all if that refuses."""
    import onnx

    from trtflow.steps.problem import build_problem
    from trtflow.steps.samples import open_data, shapes_of

    model = onnx.load(options.model)
    samples = list(open_data(options.data, model))
    statistics = None if options.priors is None else json.loads(options.priors.read_text(encoding="utf-8"))
    problem = build_problem(model, options.low, options.high, shapes_of(samples[0]), statistics)
    search = _Search(options, context, model, problem)
    held_out = held_out_places(len(samples), options.held_out)
    result, evaluator, oracle = search.over([sample for i, sample in enumerate(samples) if i not in held_out])
    if held_out and result.accepted:
        verified = search.oracle_over([samples[i] for i in sorted(held_out)])[1].evaluate(result.plan)
        context.log(f"held-out samples: margin {verified.margin:.3g}")
        if not verified.accepted:
            context.log("the held-out samples refuse the plan: searching again on all samples")
            held_out = frozenset()
            result, evaluator, oracle = search.over(samples)
    return search.conclude(result, evaluator, oracle, len(held_out))


class _Search:
    """One search problem and what is needed to measure it on different sets of samples."""

    def __init__(self, options: With, context: Context, model: ModelProto, problem: Problem) -> None:
        from trtflow.search.oracle import FAILED

        self._options, self._context, self._model, self._problem = options, context, model, problem
        self._report = reporter(context)
        self.low: Outcome = FAILED  # everything low, even what a rewrite cannot make so

    def oracle_over(self, samples: list[Sample]) -> tuple[Evaluator, EmulatedOracle]:
        from trtflow.runners.oracle import EmulatedOracle
        from trtflow.steps.samples import make_evaluator

        options, digest = self._options, self._context.digest
        evaluator = make_evaluator(options, self._model, samples)
        material = {
            "model": digest(options.model),
            "data": digest(options.data.source),
            "selection": [options.data.labels, options.data.limit, options.held_out, len(samples)],
            "metric": options.metric and digest(options.metric),
            "metrics": sorted(options.accept),
            "rounding": options.rounding,
        }
        return evaluator, EmulatedOracle(self._model, evaluator, options.rounding, self._context.memo, material)

    def over(self, samples: list[Sample]) -> tuple[SearchResult, Evaluator, EmulatedOracle]:
        from trtflow.precision.plan import PrecisionPlan
        from trtflow.search.ledger import Budget
        from trtflow.search.run import STRATEGIES, search

        options = self._options
        for name in (options.strategy, *options.baselines):
            if name not in STRATEGIES:
                raise PlanError(f"there is no strategy '{name}'; expected one of {', '.join(sorted(STRATEGIES))}.")
        evaluator, oracle = self.oracle_over(samples)

        self.low = oracle.evaluate(PrecisionPlan(options.low))
        self._context.log(f"everything in {options.low}, taken literally: margin {self.low.margin:.3g}")
        budget = Budget(options.max_evaluations, options.max_seconds)
        result = search(self._problem, oracle, strategy=options.strategy, budget=budget, on_evaluation=self._report)
        return result, evaluator, oracle

    def conclude(self, result: SearchResult, evaluator: Evaluator, oracle: EmulatedOracle, held_out: int) -> Result:
        from trtflow.numerics.strict_json import write_json
        from trtflow.precision.plan import write_plan

        kept = sorted(node for node, precision in result.plan.nodes.items() if precision != result.plan.default)
        write_plan(result.plan, self._context.folder / outputs["plan"])
        document = {
            "strategy": self._options.strategy,
            "runner": "emulated",
            "made-by": made_by(),
            "data": Path(self._options.data.source).name,
            "accepted": result.accepted,
            "minimal": result.minimal,
            "reason": result.reason,
            "kept": kept,
            "forced": sorted(self._problem.forced),
            "cost": result.cost,
            "node-costs": {node: self._problem.price(node) for node in kept},
            "samples": len(evaluator.samples),
            "held-out": held_out,
            "metrics": {
                "reference": evaluator.reference.metrics,
                "low": self.low.metrics,
                "candidate": result.outcome.metrics,
            },
            "evaluations": [entry_document(entry) for entry in result.evaluations],
            "baselines": [self._baseline(name, oracle) for name in self._options.baselines],
        }
        write_json(document, self._context.folder / outputs["search"])
        measured = sum(entry.kind == "full" for entry in result.evaluations)
        rows = tuple((name, entry["precision"], entry["cost"]) for name, entry in _kept_rows(document, result))
        return Result(
            metrics={
                "kept": len(kept),
                "cost-share": result.cost,
                "evaluations": measured,
                "minimal": result.minimal,
            },
            summary=f"{result.reason} ({measured} evaluations)",
            table=Table(("node", "precision", "cost share"), rows, "what stays in high precision") if rows else None,
        )

    def _baseline(self, name: str, oracle: EmulatedOracle) -> dict[str, Any]:
        """What another strategy keeps, on the hardest samples only: an illustration at little cost."""
        from trtflow.runners.oracle import ProbingOracle
        from trtflow.search.run import search

        result = search(self._problem, ProbingOracle(oracle), strategy=name)
        return {
            "name": name,
            "accepted": result.accepted,
            "kept": len(result.plan.nodes),
            "cost": result.cost,
            "evaluations": len(result.evaluations),
        }


def _kept_rows(document: dict[str, Any], result: SearchResult) -> list[tuple[str, dict[str, Any]]]:
    costs = document["node-costs"]
    rows = [
        (name, {"precision": result.plan.precision(name), "cost": f"{costs[name]:.2%}"}) for name in document["kept"]
    ]
    return rows[:20]

"""Search for the smallest, cheapest set of nodes that must stay in high precision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.diagnosis.saturation import Inside
from trtflow.emulation.emulate import Rounding
from trtflow.errors import PlanError
from trtflow.files.search import BaselineEntry, Because, FrontPoint, Metrics, SearchDocument, Side
from trtflow.files.statistics import Statistics
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32, Precision
from trtflow.runners.evaluate import Evaluator, UserMetric
from trtflow.runners.oracle import EmulatedOracle, EngineOracle, PlanOracle, ProbingOracle
from trtflow.runners.registry import EMULATED, Execute
from trtflow.search.ledger import Evaluation
from trtflow.search.problem import Problem
from trtflow.search.run import STRATEGIES, SearchResult, search
from trtflow.tasks.baseline import missed_conditions, stopped, unsearched
from trtflow.tasks.because import because
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.tasks.inside import harmful, held_to, look_inside, saturation
from trtflow.tasks.judge import Conditions, Judge, judge_by
from trtflow.tasks.measured_on import execute_on
from trtflow.tasks.search_problem import build_problem
from trtflow.tasks.searching import (
    Decided,
    SearchSettings,
    Verified,
    evaluation_entries,
    made_by,
    reporter,
    search_and_verify,
    source_name,
)


@dataclass(frozen=True)
class BisectSettings(SearchSettings):
    """How to search between two floating-point formats.

    ``runner``: who decides. The emulator leads the search; what an engine is asked for it confirms or repairs.
    ``baselines``: strategies to compare with, on the hardest samples. ``pareto``: more plans to measure.
    """

    high: Precision = FP32
    runner: str = EMULATED
    baselines: tuple[str, ...] = ("bisect",)
    pareto: int = 0


DEFAULTS = BisectSettings()
LOOKS = 4  # searches, each with the infinities in high precision that the one before rests on


def bisect(
    model: ModelProto,
    data: Iterable[Sample],
    *,
    accept: Conditions | None = None,
    metric: UserMetric | None = None,
    allow_nonfinite: bool = False,
    low: Precision = FP16,
    statistics: Statistics | None = None,
    settings: BisectSettings = DEFAULTS,
    on_plan: Callable[[PrecisionPlan], None] = lambda plan: None,
    hooks: Hooks = SILENT,
) -> Decided:
    """Find the nodes of ``model`` that must not be ``low`` for ``accept`` to hold on ``data``.

    ``statistics`` of all layers (from ``compare``) tell whom to suspect.
    ``on_plan`` is called with every better plan. Nothing is searched where FP32 itself does not meet ``accept``.
    ``allow_nonfinite``: FP32's own outputs may hold NaN and infinity, masked scores, say.

    Raises:
        DataError: FP32's own outputs are not finite, or zero on every sample.
        PlanError: there is no such strategy.
        BackendError: the runner is not to be had here, or stops. A plan that it cannot build is no error.
        MetricError: a condition names a metric that cannot be measured.

    Example:
        >>> decided = trtflow.bisect(model, data, accept={"iou": {"drop": 0.005}})
        >>> sorted(decided.plan.nodes)
        ['/down0/bn0/BatchNormalization', '/down0/conv0/Conv']
    """
    _check_strategies(settings)
    samples = list(data)
    judge = judge_by(accept, metric, allow_nonfinite)
    execute = execute_on(settings.runner, samples)
    problem = build_problem(model, low, settings.high, samples[0].shapes, statistics)
    idle = unsearched(settings, judge, low, source_name(data), len(samples), settings.runner)
    if not problem.nodes:
        return Decided(PrecisionPlan(settings.high), idle)
    whole = judge.evaluator(model, samples, hooks)
    missed = missed_conditions(whole)
    if missed:
        return Decided(PrecisionPlan(settings.high), stopped(idle, missed, whole))
    work = _Bisection(model, samples, judge, problem, execute, settings, hooks, on_plan, whole, statistics)
    verified = search_and_verify(work, len(samples), settings.held_out, hooks.log)
    why = because(model, problem, verified.found, statistics, work.mended(verified.chosen))
    return Decided(verified.found.plan, _document(work, verified, source_name(data), why))


def _check_strategies(settings: BisectSettings) -> None:
    for name in (settings.strategy, *settings.baselines):
        if name not in STRATEGIES:
            raise PlanError(f"there is no strategy '{name}'; expected one of {', '.join(sorted(STRATEGIES))}.")


@dataclass
class _Bisection:
    """A ``Searcher``; remembers the evaluator and the oracles of each choice of the samples."""

    model: ModelProto
    samples: Sequence[Sample]
    judge: Judge
    problem: Problem
    execute: Execute
    settings: BisectSettings
    hooks: Hooks
    on_plan: Callable[[PrecisionPlan], None]
    whole: Evaluator
    statistics: Statistics | None
    _evaluators: dict[tuple[int, ...], Evaluator] = field(default_factory=dict)
    _oracles: dict[tuple[object, ...], PlanOracle] = field(default_factory=dict)
    _insides: dict[tuple[object, ...], Inside] = field(default_factory=dict)
    _mended: dict[tuple[int, ...], frozenset[str]] = field(default_factory=dict)

    def over(self, chosen: Sequence[int]) -> SearchResult:
        """Search, and again with nodes in high precision while the plan rests on infinities that may do harm."""
        problem = self.problem
        for _ in range(LOOKS):
            result = self._search(problem, chosen)
            if not result.accepted or self.settings.saturation == "any":
                break
            found = harmful(self.model, self.inside(chosen, result.plan)) & problem.nodes - result.plan.nodes.keys()
            if not found:
                break
            self.hooks.log(f"infinities that are not shown to be harmless: {', '.join(sorted(found))} kept high")
            problem = replace(problem, forced=problem.forced | found)
            self._mended[tuple(chosen)] = problem.forced - self.problem.forced
        return result

    def mended(self, chosen: Sequence[int]) -> frozenset[str]:
        """What the search on the samples at ``chosen`` put into high precision because of infinities."""
        return self._mended.get(tuple(chosen), frozenset())

    def inside(self, chosen: Sequence[int], plan: PrecisionPlan) -> Inside:
        """Where ``plan`` is not finite on the samples at ``chosen`` and FP32 is."""
        key = (*chosen, plan.default, *sorted(plan.nodes.items()))
        if key not in self._insides:
            samples = [self.samples[index] for index in chosen]
            self._insides[key] = look_inside(
                self.model,
                plan,
                samples,
                rounding=self.settings.rounding,
                statistics=self.statistics,
                hooks=self.hooks,
            )
        return self._insides[key]

    def _search(self, problem: Problem, chosen: Sequence[int]) -> SearchResult:
        settings, report = self.settings, reporter(self.hooks)
        low = self.emulator(chosen).evaluate(PrecisionPlan(self.problem.low))
        self.hooks.log(f"everything in {self.problem.low}, taken literally: margin {low.margin:.3g}")

        def note(entry: Evaluation) -> None:
            report(entry)
            if entry.best:
                self.on_plan(entry.plan)

        return search(
            problem,
            self.emulator(chosen),
            strategy=settings.strategy,
            budget=settings.budget,
            on_evaluation=note,
            confirm=None if settings.runner == EMULATED else self.engine(chosen),
            pareto=settings.pareto,
        )

    def unseen(self, chosen: Sequence[int]) -> PlanOracle:
        return self.emulator(chosen) if self.settings.runner == EMULATED else self.engine(chosen)

    def evaluator(self, chosen: Sequence[int]) -> Evaluator:
        """What judges on the samples at ``chosen``."""
        key = tuple(chosen)
        if key not in self._evaluators:
            self._evaluators[key] = self.whole.over(key)
        return self._evaluators[key]

    def emulator(self, chosen: Sequence[int], rounding: Rounding | None = None) -> PlanOracle:
        """The emulator, with the rounding that decides unless another is asked for."""
        used = rounding or self.settings.rounding
        key = (*chosen, used)
        if key not in self._oracles:
            material = {**self._material(chosen), "rounding": used}
            evaluator = self.evaluator(chosen)
            self._oracles[key] = EmulatedOracle(self.model, evaluator, used, self.hooks.memo, material)
        return self._oracles[key]

    def engine(self, chosen: Sequence[int]) -> PlanOracle:
        """The engine that the settings name."""
        key = (*chosen, self.settings.runner)
        if key not in self._oracles:
            material = {**self._material(chosen), "runner": self.settings.runner}
            evaluator = self.evaluator(chosen)
            self._oracles[key] = EngineOracle(self.model, evaluator, self.execute, self.hooks.memo, material)
        return self._oracles[key]

    def figures(self, result: SearchResult, chosen: Sequence[int]) -> tuple[int, dict[Side, Metrics]]:
        """On how many samples, and the end metrics there of FP32, everything low, and the result.

        All samples, as ``validate`` measures them; but an engine would have to be built again for those held out.
        """
        said = result.confirmation
        judged = chosen if said else range(len(self.samples))
        oracle = self.emulator(judged)
        low = said.low if said else oracle.evaluate(PrecisionPlan(self.problem.low))
        candidate = result.outcome if said else oracle.evaluate(result.plan)
        reference = self.evaluator(judged).reference
        return len(judged), {"reference": reference.metrics, "low": low.metrics, "candidate": candidate.metrics}

    def _material(self, chosen: Sequence[int]) -> Mapping[str, Any]:
        return {"chosen": list(chosen), "metrics": sorted(self.whole.accept.metrics)}


def _document(work: _Bisection, verified: Verified, data: str, why: Mapping[str, Because]) -> SearchDocument:
    settings, problem, result, chosen = work.settings, work.problem, verified.found, verified.chosen
    said = result.confirmation
    judged_on, metrics = work.figures(result, chosen)
    inside = saturation(work.inside(chosen, result.plan), work.mended(chosen)) if result.accepted else None
    accepted, reason = held_to(settings.saturation, inside, result.accepted, result.reason)
    return SearchDocument(
        strategy=settings.strategy,
        made_by=made_by(settings.runner),
        data=data,
        low=problem.low,
        accepted=accepted,
        minimal=result.minimal,
        reason=reason,
        kept=tuple(why),
        lowered=len(problem.nodes.difference(why)),
        because=why,
        emulated=work.emulator(chosen).evaluate(result.plan).accepted if said else None,
        builds=result.builds,
        cost=result.cost,
        node_costs={node: problem.price(node) for node in why},
        samples=len(chosen),
        held_out=len(work.samples) - len(chosen),
        unseen=verified.unseen,
        judged_on=judged_on,
        accept=work.whole.accept.document(),
        metrics=metrics,
        fusion=_fusion(work, chosen, result.plan),
        front=tuple(map(_point, result.front)) if settings.pareto else (),
        evaluations=evaluation_entries(result.evaluations),
        baselines=tuple(_baseline(name, problem, work.emulator(chosen)) for name in settings.baselines),
        saturation=inside,
    )


def _point(entry: Evaluation) -> FrontPoint:
    outcome = entry.outcome
    sqnr = outcome.metrics.get("sqnr")
    return FrontPoint(high=entry.high_count, cost=entry.cost, sqnr=sqnr, accepted=outcome.accepted)


def _fusion(work: _Bisection, chosen: Sequence[int], found: PrecisionPlan) -> str:
    """What the verdict would be with the other rounding, where that differs; else nothing."""
    everywhere = work.settings.rounding == "tensor"
    oracle, same = work.emulator(chosen, "unit" if everywhere else "tensor"), work.emulator(chosen)
    other = "an engine rounds fused units once" if everywhere else "every tensor is rounded"
    low = PrecisionPlan(work.problem.low)
    subjects = {f"everything in {low.default}": low, "the plan that was found": found}
    verdicts = {what: oracle.evaluate(plan).accepted for what, plan in subjects.items()}
    said = [
        f"{what} is {'accepted' if accepted else 'refused'} where {other}"
        for what, accepted in verdicts.items()
        if same.evaluate(subjects[what]).accepted != accepted
    ]
    return f"{'; '.join(said)}. Folding BatchNormalization in the graph ends it." if said else ""


def _baseline(name: str, problem: Problem, oracle: PlanOracle) -> BaselineEntry:
    """What another strategy keeps, on the hardest samples only: an illustration at little cost.

    Others know nothing of constants that a format cannot hold, so nothing is forced for them.
    """
    result = search(replace(problem, forced=frozenset()), ProbingOracle(oracle), strategy=name)
    return BaselineEntry(
        name=name,
        accepted=result.accepted,
        kept=len(result.plan.nodes),
        cost=result.cost,
        evaluations=len(result.evaluations),
    )

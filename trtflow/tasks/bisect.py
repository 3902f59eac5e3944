"""Search for the smallest, cheapest set of nodes that must stay in high precision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.errors import PlanError
from trtflow.files.search import BaselineEntry, Because, FrontPoint, SearchDocument
from trtflow.files.statistics import Statistics
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32, Precision
from trtflow.runners.evaluate import UserMetric
from trtflow.runners.oracle import PlanOracle, ProbingOracle
from trtflow.search.ledger import Evaluation
from trtflow.search.problem import Problem
from trtflow.search.run import STRATEGIES, search
from trtflow.tasks.accumulation import refused_by_fp16_sums, require_fp16, told
from trtflow.tasks.baseline import missed_conditions, stopped, unsearched
from trtflow.tasks.because import because
from trtflow.tasks.bisection import Bisection, BisectSettings
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.tasks.inside import held_to, saturation
from trtflow.tasks.judge import Conditions, judge_by
from trtflow.tasks.measured_on import execute_on
from trtflow.tasks.search_problem import build_problem
from trtflow.tasks.searching import (
    Decided,
    Verified,
    evaluation_entries,
    made_by,
    search_and_verify,
    source_name,
)

DEFAULTS = BisectSettings()


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
        PlanError: there is no such strategy, or ``low`` is never accumulated as the settings have it.
        BackendError: the runner is not to be had here, or stops. A plan that it cannot build is no error.
        MetricError: a condition names a metric that cannot be measured.

    Example:
        >>> decided = trtflow.bisect(model, data, accept={"iou": {"drop": 0.005}})
        >>> sorted(decided.plan.nodes)
        ['/down0/bn0/BatchNormalization', '/down0/conv0/Conv']
    """
    _check_strategies(settings)
    require_fp16(low, settings.accumulation)
    samples = list(data)
    judge = judge_by(accept, metric, allow_nonfinite)
    execute = execute_on(settings.runner, samples, settings.trt, settings.script, hooks.progress)
    problem = build_problem(model, low, settings.high, samples[0].shapes, statistics)
    idle = unsearched(settings, judge, low, source_name(data), len(samples), settings.runner)
    if not problem.nodes:
        return Decided(PrecisionPlan(settings.high), idle)
    whole = judge.evaluator(model, samples, hooks)
    missed = missed_conditions(whole)
    if missed:
        return Decided(PrecisionPlan(settings.high), stopped(idle, missed, whole))
    work = Bisection(model, samples, judge, problem, execute, settings, hooks, on_plan, whole, statistics)
    verified = search_and_verify(work, len(samples), settings.held_out, hooks.log)
    why = because(model, problem, verified.found, statistics, work.mended(verified.chosen))
    return Decided(verified.found.plan, _document(work, verified, source_name(data), why))


def _check_strategies(settings: BisectSettings) -> None:
    for name in (settings.strategy, *settings.baselines):
        if name not in STRATEGIES:
            raise PlanError(f"there is no strategy '{name}'; expected one of {', '.join(sorted(STRATEGIES))}.")


def _document(work: Bisection, verified: Verified, data: str, why: Mapping[str, Because]) -> SearchDocument:
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
        accumulation=told(_overflowing(work, result.plan)) if accepted else "",
        front=tuple(map(_point, result.front)) if settings.pareto else (),
        evaluations=evaluation_entries(result.evaluations),
        baselines=tuple(_baseline(name, problem, work.emulator(chosen)) for name in settings.baselines),
        saturation=inside,
    )


def _point(entry: Evaluation) -> FrontPoint:
    outcome = entry.outcome
    sqnr = outcome.metrics.get("sqnr")
    return FrontPoint(high=entry.high_count, cost=entry.cost, sqnr=sqnr, accepted=outcome.accepted)


def _fusion(work: Bisection, chosen: Sequence[int], found: PrecisionPlan) -> str:
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


def _overflowing(work: Bisection, plan: PrecisionPlan) -> tuple[str, ...]:
    """The nodes for which ``plan`` depends on kernels that accumulate in FP32."""
    settings = work.settings
    if settings.accumulation != FP32:
        return ()
    return refused_by_fp16_sums(work.model, plan, work.whole, work.statistics, settings.rounding, work.hooks.log)


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

"""Decide jointly over INT8, FP16 and FP32: what can be quantized on top of a floating-point plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from onnx import ModelProto

from trtflow.cures import Cure
from trtflow.data import Sample
from trtflow.diagnosis.multiply_adds import Worker, left_out, runs_in, shares_by_precision
from trtflow.files.findings import Finding
from trtflow.files.scales import Scales
from trtflow.files.search import EightBits, Metrics, SearchDocument, Side
from trtflow.files.statistics import Statistics
from trtflow.model.analysis import Analysis, analyse
from trtflow.model.cost import costs
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Precision
from trtflow.qdq.held import HeldLayer, held_layers, holds_pairs
from trtflow.qdq.placement import BARRIERS, Site, site_units, sites, suspicions
from trtflow.runners.evaluate import Evaluator, UserMetric
from trtflow.runners.quantized import QuantizedOracle, Ranges
from trtflow.search.joint import Joint, JointOracle, joint
from trtflow.search.problem import Problem
from trtflow.search.run import SearchResult, search
from trtflow.tasks.baseline import missed_conditions, stopped, unsearched
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.tasks.inside import held_to, look_inside, saturation
from trtflow.tasks.judge import Conditions, Judge, judge_by
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

LINE = 0.01  # a relative fall of an end metric beyond which a plan counts as poor
DEFAULTS = SearchSettings()
EVERYTHING_FP32 = PrecisionPlan(FP32)


def quantize(
    model: ModelProto,
    data: Iterable[Sample],
    scales: Scales,
    *,
    base: PrecisionPlan = EVERYTHING_FP32,
    cures: Iterable[Cure] = (),
    findings: Sequence[Finding] = (),
    accept: Conditions | None = None,
    metric: UserMetric | None = None,
    allow_nonfinite: bool = False,
    output_layers: bool = False,
    statistics: Statistics | None = None,
    settings: SearchSettings = DEFAULTS,
    hooks: Hooks = SILENT,
) -> Decided:
    """Find what of ``model`` can be quantized by ``scales`` on top of the floating-point plan ``base``.

    ``cures`` are those that ``scales`` were measured with. ``findings`` explain what is left out and decide nothing.
    ``output_layers``: quantize layers that nothing but cheap operators follow, too.
    ``statistics`` of everything in FP16 (from ``compare``) may spare a look inside the plan.
    ``allow_nonfinite``: FP32's own outputs may hold NaN and infinity, masked scores, say. Nothing is searched where
    FP32 itself does not meet ``accept``.

    Raises:
        DataError: FP32's own outputs are not finite, or zero on every sample.
        MetricError: a condition names a metric that cannot be measured.

    Example:
        >>> decided = trtflow.quantize(cured.model, data, scales, base=floats.plan, cures=cured.cures)
        >>> f"{decided.search.eight_bits.share:.1%}"
        '99.1%'
    """
    samples = list(data)
    judge = judge_by(accept, metric, allow_nonfinite)
    whole = judge.evaluator(model, samples, hooks)
    missed = missed_conditions(whole)
    if missed:
        idle = unsearched(settings, judge, scales.precision, source_name(data), len(samples))
        return Decided(base, stopped(idle, missed, whole))
    space = _space(model, samples[0].shapes, scales, base, output_layers)
    work = _Quantization(model, samples, judge, space, Ranges(scales.amax, tuple(cures)), settings, hooks, whole)
    verified = search_and_verify(work, len(samples), settings.held_out, hooks.log)
    found = verified.found
    plan = space.joint.plan(found.plan) if found.accepted else space.joint.base
    hooks.log("measuring the ends and the result on all samples")
    document = _document(work, verified, plan, findings, scales, source_name(data))
    return Decided(plan, document if not document.accepted else _looked_inside(work, plan, document, statistics))


@dataclass(frozen=True)
class _Space:
    """What there is to decide, who multiplies and adds, and each node's share of the multiply-adds."""

    joint: Joint
    workers: tuple[Worker, ...]
    shares: Mapping[str, float]


def _space(
    model: ModelProto, shapes: Mapping[str, tuple[int, ...]], scales: Scales, base: PrecisionPlan, outputs: bool
) -> _Space:
    analysis = analyse(model)
    found = sites(analysis)
    chosen = [site for site in found if outputs or not site.is_output]
    live = [site for site in chosen if all(scales.amax.get(name, 0) > 0 for name in site.tensors)]
    counted = {name: cost.macs for name, cost in costs(model, shapes).items()}
    total = sum(counted[name] for name in _barriers(analysis)) or 1
    shares = {name: macs / total for name, macs in counted.items()}
    units, priors = site_units(analysis, live), suspicions(live)
    held = held_layers(analysis) if holds_pairs(analysis) else ()
    workers = tuple(_held(layer, shares) for layer in held) or _workers(analysis, found, chosen, live, shares)
    return _Space(joint(base, units, shares, scales.precision, priors), workers, shares)


def _held(layer: HeldLayer, shares: Mapping[str, float]) -> Worker:
    return Worker(layer.node, layer.op, shares[layer.node], "held", layer.lacks)


def _barriers(analysis: Analysis) -> dict[str, str]:
    return {info.name: info.op for info in analysis.candidates if info.op in BARRIERS}


def _workers(
    analysis: Analysis,
    found: Sequence[Site],
    chosen: Sequence[Site],
    live: Sequence[Site],
    shares: Mapping[str, float],
) -> tuple[Worker, ...]:
    """Every node that multiplies and adds, or is a residual sum that could be quantized."""
    ops, tried = _barriers(analysis), {site.node: site.op for site in live}
    spared = {site.node for site in found} - {site.node for site in chosen}

    def place(node: str) -> Literal["open", "output", "none"]:
        return "open" if node in tried else "output" if node in spared else "none"

    return tuple(
        Worker(node, op, shares[node] if node in ops else 0.0, place(node)) for node, op in {**ops, **tried}.items()
    )


@dataclass(frozen=True)
class _Quantization:
    """A ``Searcher`` over decisions of the joint problem."""

    model: ModelProto
    samples: Sequence[Sample]
    judge: Judge
    space: _Space
    ranges: Ranges
    settings: SearchSettings
    hooks: Hooks
    whole: Evaluator

    @property
    def problem(self) -> Problem:
        return self.space.joint.problem

    def over(self, chosen: Sequence[int]) -> SearchResult:
        oracle, settings = self.unseen(chosen), self.settings
        return search(
            self.problem,
            oracle,
            strategy=settings.strategy,
            budget=settings.budget,
            on_evaluation=reporter(self.hooks),
        )

    def unseen(self, chosen: Sequence[int]) -> JointOracle:
        return self.space.joint.oracle(self.oracle(chosen)[1])

    def oracle(self, chosen: Sequence[int], ranges: Ranges | None = None) -> tuple[Evaluator, QuantizedOracle]:
        """What measures plans on the samples at ``chosen``, with other ``ranges`` if there are any."""
        evaluator = self.whole.over(chosen)
        material = {
            "chosen": list(chosen),
            "metrics": sorted(self.whole.accept.metrics),
            "rounding": self.settings.rounding,
            "amax": None if ranges is None else dict(ranges.activations),
        }
        settings = self.settings
        arguments = (self.model, evaluator, settings.rounding, self.hooks.memo, material, settings.accumulation)
        return evaluator, QuantizedOracle(ranges or self.ranges, *arguments)


def _document(
    work: _Quantization,
    verified: Verified,
    plan: PrecisionPlan,
    findings: Sequence[Finding],
    scales: Scales,
    data: str,
) -> SearchDocument:
    """The ends and the result, measured on all samples."""
    found, low, everything = verified.found, scales.precision, range(len(work.samples))
    evaluator, oracle = work.oracle(everything)
    widest = Ranges({name: entry.seen or entry.amax for name, entry in scales.tensors.items()})
    mixed = oracle.evaluate(plan)
    metrics: dict[Side, Metrics] = {
        "reference": evaluator.reference.metrics,
        "naive": work.oracle(everything, widest)[1].evaluate(PrecisionPlan(low)).metrics,
        "low": oracle.evaluate(PrecisionPlan(low)).metrics,
        "base": oracle.evaluate(work.space.joint.base).metrics,
        "candidate": mixed.metrics,
    }
    eight_bits = _eight_bits(work.space, plan, findings, low, metrics, work.whole.accept.metrics)
    kept = sorted(work.problem.nodes - set(eight_bits.quantized))
    return SearchDocument(
        strategy=work.settings.strategy,
        made_by=made_by(),
        data=data,
        low=low,
        accepted=mixed.accepted,
        minimal=found.minimal,
        reason=found.reason,
        kept=tuple(kept),
        lowered=len(eight_bits.quantized),
        cost=found.cost,
        node_costs={node: work.space.shares.get(node, 0.0) for node in kept},
        samples=len(verified.chosen),
        held_out=len(work.samples) - len(verified.chosen),
        unseen=verified.unseen,
        judged_on=len(work.samples),
        metrics=metrics,
        accept=work.whole.accept.document(),
        evaluations=evaluation_entries(found.evaluations),
        eight_bits=eight_bits,
    )


def _looked_inside(
    work: _Quantization, plan: PrecisionPlan, document: SearchDocument, statistics: Statistics | None
) -> SearchDocument:
    """``document`` with what ``plan`` has inside on all samples; not accepted where that may do harm."""
    settings = work.settings
    inside = look_inside(
        work.model,
        plan,
        work.samples,
        ranges=work.ranges,
        rounding=settings.rounding,
        statistics=statistics,
        hooks=work.hooks,
    )
    found = saturation(inside)
    accepted, reason = held_to(settings.saturation, found, document.accepted, document.reason)
    return document.model_copy(update={"saturation": found, "accepted": accepted, "reason": reason})


def _eight_bits(
    space: _Space,
    plan: PrecisionPlan,
    findings: Sequence[Finding],
    low: Precision,
    metrics: Mapping[Side, Metrics],
    names: Collection[str],
) -> EightBits:
    work = shares_by_precision(space.workers, plan, low)
    chosen = {node for node, precision in plan.nodes.items() if precision == low}
    return EightBits(
        quantized=tuple(sorted(chosen.union(w.node for w in space.workers if runs_in(w, plan, low) == low))),
        share=work.get(low, 0.0),
        quality=quality(metrics["reference"], metrics["candidate"], names),
        left=left_out(space.workers, plan, findings, low),
        work=work,
    )


def quality(reference: Metrics, measured: Metrics, names: Collection[str]) -> Literal["good", "poor"]:
    """good when no metric of ``names`` fell by more than 1 % of what FP32 has, else poor.

    Metrics that compare with FP32 itself (SQNR, infinite for FP32) have no such line and are left to ``accept``.
    """
    falls = [1 - measured[name] / reference[name] for name in names if isfinite(reference[name]) and reference[name]]
    return "good" if all(fall <= LINE for fall in falls) else "poor"

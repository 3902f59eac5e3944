"""Decide jointly over INT8, FP16 and FP32: what can be quantised on top of the floating-point plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from trtflow.precision import FP32
from trtflow.steps.contract import Context, File, Result, Table
from trtflow.steps.options import Data, Judged
from trtflow.tasks.search_common import NONE_HOLDS, entry_document, held_out_samples, made_by, reporter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import ModelProto

    from trtflow.data import Sample
    from trtflow.diagnosis.fp16 import Finding
    from trtflow.diagnosis.multiply_adds import LeftOut
    from trtflow.runners.evaluate import Evaluator
    from trtflow.runners.quantized import QuantizedOracle
    from trtflow.search.joint import Joint, JointOracle
    from trtflow.search.run import SearchResult

version = 3
environment = ("onnxruntime",)
outputs = {"plan": "plan.json", "search": "search.json"}

SHOWN = 20  # rows in the terminal
LINE = 0.01  # a relative fall of an end metric beyond which a plan counts as poor


class With(Judged):
    """Options of ``quantize``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data
    scales: File = Field(description="the scales file, from calibrate")
    cures: File | None = Field(None, description="clipped weights and corrected biases, from cure")
    base: File | None = Field(None, description="the floating-point plan, from bisect; left out, all is FP32")
    findings: File | None = Field(None, description="reasons, from diagnose; they explain and decide nothing")
    output_layers: bool = Field(False, description="quantise layers that nothing but cheap operators follow, too")
    rounding: Literal["tensor", "unit"] = Field("tensor", description="round every tensor, or what an engine fuses")
    strategy: str = Field("trtflow", description="trtflow, or a baseline by name")
    max_evaluations: int | None = Field(None, ge=1, description="passes over the samples that may be spent")
    max_seconds: float | None = Field(None, gt=0, description="time that may be spent")
    held_out: float = Field(0.25, ge=0, lt=1, description="share of the samples that only verify the result")


def run(options: With, context: Context) -> Result:
    """Search on some samples, verify on those held out, search again on all if that refuses; judge on all."""
    import onnx

    from trtflow.search.held_out import verify
    from trtflow.tasks.samples import open_data

    model = onnx.load(options.model)
    samples = list(open_data(options.data, model))
    search = _Search(options, context, model, samples)
    everything = range(len(samples))
    places = held_out_samples(len(samples), options.held_out)
    found = search.over([index for index in everything if index not in places])
    if places and found.accepted:
        held = verify(found, search.joint.problem, search.oracle(sorted(places)))
        context.log(NONE_HOLDS if held is None else f"held-out samples: {held.reason}")
        places, found = (frozenset(), search.over(everything)) if held is None else (places, held)
    return search.conclude(found, everything, len(places))


class _Search:
    """One joint problem and what is needed to measure it on different sets of samples."""

    def __init__(self, options: With, context: Context, model: ModelProto, samples: Sequence[Sample]) -> None:
        from trtflow.diagnosis.multiply_adds import Worker
        from trtflow.files.scales import read_scales
        from trtflow.model.analysis import analyse
        from trtflow.model.cost import costs
        from trtflow.plan import PrecisionPlan, read_plan
        from trtflow.qdq.placement import BARRIERS, site_units, sites, suspicions
        from trtflow.search.joint import joint
        from trtflow.tasks.samples import shapes_of

        self._options, self._context, self._model, self._samples = options, context, model, samples
        self._scales = read_scales(options.scales)
        analysis = analyse(model)
        found = sites(analysis)
        chosen = [site for site in found if options.output_layers or not site.is_output]
        spared = {site.node for site in found} - {site.node for site in chosen}
        live = [site for site in chosen if all(self._scales.amax.get(name, 0) > 0 for name in site.tensors)]
        tried = {site.node: site.op for site in live}
        counted = {name: cost.macs for name, cost in costs(model, shapes_of(samples[0])).items()}
        ops = {info.name: info.op for info in analysis.candidates if info.op in BARRIERS}
        total = sum(counted[name] for name in ops) or 1
        self._shares = {name: macs / total for name, macs in counted.items()}
        work = {node: self._shares[node] for node in ops}
        self._workers = tuple(
            Worker(node, op, work.get(node, 0.0), "open" if node in tried else "output" if node in spared else "none")
            for node, op in {**ops, **tried}.items()
        )
        base = PrecisionPlan(FP32) if options.base is None else read_plan(options.base)
        units, priors = site_units(analysis, live), suspicions(live)
        self.joint: Joint = joint(base, units, self._shares, self._scales.precision, priors)
        self._report = reporter(context)

    def over(self, chosen: Sequence[int]) -> SearchResult:
        """Search on the samples at ``chosen``."""
        from trtflow.search.ledger import Budget
        from trtflow.search.run import search

        budget = Budget(self._options.max_evaluations, self._options.max_seconds)
        oracle, strategy = self.oracle(chosen), self._options.strategy
        return search(self.joint.problem, oracle, strategy=strategy, budget=budget, on_evaluation=self._report)

    def oracle(self, chosen: Sequence[int]) -> JointOracle:
        """What measures the decisions of the problem on the samples at ``chosen``."""
        return self.joint.oracle(self._oracle(chosen)[1])

    def _oracle(
        self, chosen: Sequence[int], amax: Mapping[str, float] | None = None
    ) -> tuple[Evaluator, QuantizedOracle]:
        from trtflow.runners.quantized import QuantizedOracle, Ranges, read_ranges_of
        from trtflow.tasks.samples import make_evaluator

        options, digest = self._options, self._context.digest
        evaluator = make_evaluator(options, self._model, [self._samples[index] for index in chosen])
        material = {
            "model": digest(options.model),
            "scales": digest(options.scales),
            "data": digest(options.data.source),
            "labels": options.data.labels,
            "chosen": list(chosen),
            "metric": options.metric and digest(options.metric),
            "metrics": sorted(options.accept),
            "rounding": options.rounding,
            "amax": amax,
            "cures": options.cures and digest(options.cures),
        }
        ranges = Ranges(amax) if amax is not None else read_ranges_of(options.scales, options.cures)
        arguments = (self._model, evaluator, options.rounding, self._context.memo, material)
        return evaluator, QuantizedOracle(ranges, *arguments)

    def conclude(self, found: SearchResult, chosen: Sequence[int], held_out: int) -> Result:
        """Measure the ends and the result on all samples, and write the plan and the books."""
        from trtflow.diagnosis.multiply_adds import left_out, shares_by_precision
        from trtflow.files.strict_json import write_json
        from trtflow.plan import PrecisionPlan, write_plan

        plan = self.joint.plan(found.plan) if found.accepted else self.joint.base
        low = self._scales.precision
        evaluator, oracle = self._oracle(chosen)
        self._context.log("measuring the ends and the result on all samples")
        widest = {name: entry.seen or entry.amax for name, entry in self._scales.tensors.items()}
        naive = self._oracle(chosen, widest)[1].evaluate(PrecisionPlan(low))
        tuned = oracle.evaluate(PrecisionPlan(low))
        base, mixed = oracle.evaluate(self.joint.base), oracle.evaluate(plan)
        write_plan(plan, self._context.folder / outputs["plan"])
        quantised = [node for node, precision in plan.nodes.items() if precision == low]
        kept = sorted(self.joint.problem.nodes - set(quantised))
        work = shares_by_precision(self._workers, plan)
        share = work.get(low, 0.0)
        left = left_out(self._workers, plan, self._findings(), low)
        reference = evaluator.reference.metrics
        metrics = {
            "reference": reference,
            "naive": naive.metrics,
            "low": tuned.metrics,
            "base": base.metrics,
            "candidate": mixed.metrics,
        }
        document = {
            "strategy": self._options.strategy, "runner": "emulated", "made-by": made_by(),
            "data": Path(str(self._options.data.source)).name, "low": low,
            "accepted": mixed.accepted, "minimal": found.minimal,
            "reason": found.reason, "kept": kept, "forced": [], "cost": found.cost, "quantised": sorted(quantised),
            "quantised-share": share, "quality": quality(reference, mixed.metrics, self._options.accept),
            "node-costs": {node: self._shares.get(node, 0.0) for node in kept},
            "left": [entry.document() for entry in left], "work": work, "samples": len(chosen) - held_out,
            "held-out": held_out, "metrics": metrics,
            "evaluations": [entry_document(entry) for entry in found.evaluations], "baselines": [],
        }  # fmt: skip
        write_json(document, self._context.folder / outputs["search"])
        name = next(iter(self._options.accept))
        figures = {key: values.get(name) for key, values in metrics.items()}
        text = ", ".join(f"{key} {value:.4g}" for key, value in figures.items() if value is not None)
        return Result(
            metrics={"quantised": len(quantised), "share": share, "quality": document["quality"], name: figures},
            summary=f"{len(quantised)} nodes in {low}, {share:.1%} of the multiply-adds; {name}: {text}",
            table=_table(left, share, low),
        )

    def _findings(self) -> list[Finding]:
        from trtflow.diagnosis.fp16 import Finding

        path = self._options.findings
        return [] if path is None else [Finding(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def _table(left: Sequence[LeftOut], share: float, low: str) -> Table:
    """Where all multiply-adds run, and the largest of what stays in floating point with its reason."""
    from trtflow.diagnosis.multiply_adds import shares_by_group

    parts: dict[str, float] = {f"in {low}": share, **shares_by_group(left)}
    rows = tuple(
        (entry.node, entry.precision, f"{entry.share:.2%}", f"{entry.why.code}: {entry.why.text}")
        for entry in left[:SHOWN]
    )
    title = "of the multiply-adds: " + ", ".join(f"{part:.2%} {name}" for name, part in parts.items())
    return Table(("stays in floating point", "precision", "share", "reason"), rows, title)


def quality(reference: Mapping[str, float], measured: Mapping[str, float], names: Mapping[str, Any]) -> str:
    """good when no metric of ``names`` fell by more than 1 % of what FP32 has, else poor.

    Metrics that compare with FP32 itself (SQNR, infinite for FP32) have no such line and are left to ``accept``.
    """
    from math import isfinite

    falls = [1 - measured[name] / reference[name] for name in names if isfinite(reference[name]) and reference[name]]
    return "good" if all(fall <= LINE for fall in falls) else "poor"

"""Put together what a report says of a run, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from trtflow.diagnosis.explain import explain
from trtflow.diagnosis.reasons import REASONS
from trtflow.files.outcomes import RunMetrics
from trtflow.files.statistics import Statistics
from trtflow.precision import QUANTIZED, Precision
from trtflow.report.model import Card, File, RunSummary, Verdict
from trtflow.report.sentence import Said
from trtflow.report.verdict import NOTHING, run_verdict
from trtflow.tasks.documents import Documents
from trtflow.tasks.marks import marks

_FILES = (  # step type, what it leaves beside the report, for what
    ("rewrite", "*.mixed.onnx", "the model to build: TensorRT 10 strongly typed, 11, TensorRT-RTX, ONNX Runtime"),
    ("constrain", "constraints.yaml", "the decision, to check in beside the model"),
    ("constrain", "exports/", "the same decision for trtexec, Polygraphy, ModelOpt, ONNX Runtime and Triton"),
    ("constrain", "names.csv", "which layers of TensorRT's network each node becomes"),
    ("calibrate", "*.scales.yaml", "the ranges that INT8 uses, and where they come from"),
    ("build", "engine.plan", "the engine"),
    ("compare", "layers.csv", "every layer's statistics, for a spreadsheet"),
    ("report", "metrics.json", "the verdict, for machines"),
)

_NAMED = "your network with a name for each node: what constraints.yaml and exports/ speak of"


def told(documents: Documents, failed: Said = NOTHING, refused: Said = NOTHING) -> Verdict:
    """The verdict on a run with its marks: what the page, ``metrics.json`` and the terminal tell alike.

    ``failed`` maps the steps that failed, ``refused`` those whose gate was not met, to what they say.
    """
    of = run_verdict(documents.facts, documents.search, documents.verdict, failed, refused, documents.floats)
    return replace(of, marks=marks(documents))


def summarize(
    documents: Documents,
    seconds: Mapping[str, float] | None = None,
    failed: Said = NOTHING,
    refused: Said = NOTHING,
) -> RunSummary:
    """What the page shows.

    ``seconds`` is the time of each step; ``failed`` and ``refused`` as for ``told``. What is missing in ``documents``
    leaves its part of the report empty.
    """
    verdict = told(documents, failed, refused)
    search = documents.search
    low = search.low if search else documents.plan.default
    return RunSummary(
        title=documents.facts.file.removesuffix(".onnx") or "trtflow",
        low=low,
        model=documents.facts,
        verdict=verdict,
        plan=documents.plan,
        statistics=_beginning_with(low, documents.statistics),
        search=search,
        kept=tuple(_kept(documents)),
        left=tuple(_left(documents)),
        findings=tuple((finding, REASONS[finding.code]) for finding in documents.findings),
        rewrite=documents.rewrite,
        runtime=documents.verdict.runtime if documents.verdict else None,
        build=documents.build,
        scales=documents.scales,
        checks=documents.checks,
        files=tuple(_published(documents, verdict)),
        seconds=seconds or {},
    )


def _published(documents: Documents, verdict: Verdict) -> Iterator[File]:
    """The files beside the report; a run that failed leaves those of an earlier one."""
    if documents.facts.renamed and verdict.state != "failed":
        yield File("*.named.onnx", _NAMED)
    for step, path, purpose in _FILES:
        if step == "report" or (step in documents.steps and verdict.state != "failed"):
            yield File(path, purpose)


def _beginning_with(low: Precision, statistics: Statistics | None) -> Statistics | None:
    """The ``statistics`` with the candidate called ``low`` first, where there is one."""
    if statistics is None:
        return None
    names = sorted(statistics.candidates, key=lambda name: name != low)
    return statistics.model_copy(update={"candidates": {name: statistics.candidates[name] for name in names}})


def _kept(documents: Documents) -> Iterator[Card]:
    """What the search between floating-point formats kept and INT8 did not take after all."""
    search, plan = documents.floats, documents.plan
    if search is None:
        return
    ops = {layer.node: layer.op for layer in documents.statistics.layers} if documents.statistics else {}
    for node in search.kept:
        precision = plan.precision(node)
        if precision not in QUANTIZED:
            why, because = explain(node, documents.findings, search.because, search.low), search.because.get(node)
            share = search.node_costs.get(node)
            yield Card(node, ops.get(node, ""), precision, why, REASONS[why.code].title, share, because)


def _left(documents: Documents) -> Iterator[Card]:
    """Every node that multiplies and adds outside eight bits."""
    if documents.search and documents.search.eight_bits:
        for entry in documents.search.eight_bits.left:
            title = REASONS[entry.why.code].title
            yield Card(entry.node, entry.op, entry.precision, entry.why, title, entry.share)


def run_metrics(
    documents: Documents,
    seconds: Mapping[str, float] | None = None,
    failed: Said = NOTHING,
    refused: Said = NOTHING,
) -> RunMetrics:
    """What ``metrics.json`` holds: the verdict and the figures of the report."""
    verdict = told(documents, failed, refused)
    search, judged = documents.search, documents.verdict
    measured = search.metrics if search else {}
    kept, shares = documents.plan.kept, (documents.floats or search)
    return RunMetrics(
        accepted=verdict.accepted,
        state=verdict.state,
        sentence=verdict.sentence,
        held_out=judged is not None and judged.unseen is not None,
        proven=judged is not None and judged.proven,
        unseen=judged.unseen.candidate if judged and judged.unseen else {},
        worst=judged.worst if judged else {},
        marks=verdict.marks,
        metrics={
            "reference": judged.reference if judged else measured.get("reference", {}),
            "low": measured.get("low", {}),
            "candidate": judged.candidate if judged else measured.get("candidate", {}),
        },
        decided_by=judged.decided_by if judged else {},
        kept=kept,
        kept_cost_share=sum(shares.node_costs.get(node, 0.0) for node in kept) if shares else 0.0,
        evaluations=search.measured if search else 0,
        probes=search.probes if search else 0,
        builds=int(documents.build is not None and not documents.build.not_built),
        seconds={name: round(value, 3) for name, value in (seconds or {}).items()},
    )

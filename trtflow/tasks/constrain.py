"""Write a decision down: the plan, a reason for each node that differs, the proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from onnx import ModelProto

from trtflow.cures import Cure
from trtflow.diagnosis.explain import explain
from trtflow.files.constraints import Constraints, DataReference, ModelReference, Node
from trtflow.files.cures import in_effect
from trtflow.files.data_facts import DataFacts
from trtflow.files.findings import Finding
from trtflow.files.outcomes import ModelFacts
from trtflow.files.scales import Scales
from trtflow.files.search import Because, SearchDocument, Side
from trtflow.model.analysis import NodeInfo, candidates
from trtflow.model.foreign import runnable
from trtflow.model.units import units
from trtflow.precision import FP32
from trtflow.report.sentence import none_holds
from trtflow.tasks.judge import Conditions
from trtflow.tasks.searching import Decided
from trtflow.text import six_digits

MEASURED: tuple[Side, ...] = ("reference", "low", "candidate")


def refusal(search: SearchDocument) -> str:
    """Why there is nothing to write down: no plan holds, or none is worth it; empty where there is."""
    if not search.accepted:
        return f"no plan is accepted: {search.reason}"
    return "" if search.lowered else f"nothing gained: {none_holds(search)}"


def constrain(
    model: ModelProto,
    facts: ModelFacts,
    decided: Decided,
    accept: Conditions,
    *,
    floats: SearchDocument | None = None,
    findings: Sequence[Finding] = (),
    scales: Scales | None = None,
    cures: Iterable[Cure] = (),
    data: DataFacts | None = None,
) -> Constraints:
    """The decision over ``model`` as the constraints file holds it.

    ``floats``: the search between floating-point formats that an eight-bit one went on from.
    """
    unmeasured, floating = _unmeasured(model), floats or decided.search
    plan = decided.plan.assign(unmeasured, FP32)
    because = {**floating.because, **unmeasured}
    kept = frozenset(plan.kept)
    unit_of = {node: unit.id for unit in units(model) for node in unit.nodes}
    reasons = {
        info.name: explain(info.name, findings, because, floating.low)
        for info in candidates(model)
        if info.name in kept
    }

    def node(info: NodeInfo) -> Node:
        why = reasons.get(info.name)
        return Node(
            precision=plan.precision(info.name),
            op=info.op,
            unit=unit_of.get(info.name),
            because=because[info.name].word if why and info.name in because else None,
            reason=why.code if why else "quantized",
            evidence=_rounded(why.evidence) if why else {},
        )

    return Constraints(
        model=ModelReference(path=facts.file, sha256=facts.sha256),
        data=data and DataReference(source=data.source, samples=data.distinct, marks=data.marks),
        default=plan.default,
        nodes={info.name: node(info) for info in candidates(model) if info.name in plan.nodes},
        cures=in_effect(cures, plan),
        scales={} if scales is None else scales.amax,
        accept={**accept, **decided.search.accept},
        measured={key: decided.search.metrics[key] for key in MEASURED},
        made_by=decided.search.made_by,
    )


def _unmeasured(model: ModelProto) -> dict[str, Because]:
    """The nodes behind operators that ONNX Runtime does not run: nothing is known of them in a low precision."""
    found = runnable(model)
    text = f"it follows {', '.join(found.lost)}, which ONNX Runtime does not run, so that nothing was measured"
    return dict.fromkeys(found.behind, Because(word="forced", text=text))


def _rounded(evidence: Mapping[str, float | str]) -> dict[str, float | str]:
    return {key: value if isinstance(value, str) else six_digits(value) for key, value in evidence.items()}

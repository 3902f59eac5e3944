"""Write the constraints file (the decision, a reason for each kept node, the proof) and its exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from trtflow.steps.contract import Context, File, Options, Result
from trtflow.steps.options import Conditions

if TYPE_CHECKING:
    import onnx

    from trtflow.files.exports import Port

version = 2
environment = ()
outputs = {"constraints": "constraints.yaml", "exports": "exports"}
published = {"constraints": "constraints.yaml", "exports": "exports"}


class With(Options):
    """Options of ``constrain``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    facts: File = Field(description="facts of the model file, from inspect")
    plan: File = Field(description="the precision plan, from bisect")
    search: File = Field(description="the search's books, from bisect")
    findings: File = Field(description="reasons, from diagnose")
    scales: File | None = Field(None, description="the scales file, from calibrate; for plans with INT8 or FP8")
    cures: File | None = Field(None, description="the cures applied, from cure")
    accept: Conditions = Field(description="the conditions that the plan was accepted by")


def run(options: With, context: Context) -> Result:
    """Join the plan with the findings."""
    import onnx

    from trtflow.diagnosis.fp16 import Finding, explain
    from trtflow.files.constraints import Constraints, ModelReference, Node, write_constraints
    from trtflow.files.cures import in_effect, read_cures
    from trtflow.files.exports import formats_for, triton_config
    from trtflow.files.scales import read_scales
    from trtflow.model.analysis import candidates
    from trtflow.model.units import units
    from trtflow.plan import QUANTISED, read_plan
    from trtflow.text import six_digits

    model = onnx.load(options.model)
    plan, facts, search = read_plan(options.plan), _json(options.facts), _json(options.search)
    findings = [Finding(**entry) for entry in _json(options.findings)]
    unit_of = {node: unit.id for unit in units(model) for node in unit.nodes}
    nodes = {}
    for info in candidates(model):
        if info.name in plan.nodes:
            precision = plan.precision(info.name)
            why = None if precision in QUANTISED else explain(info.name, findings, search.get("merged", ()))
            evidence = why.evidence if why else {}
            nodes[info.name] = Node(
                precision=precision, op=info.op, unit=unit_of.get(info.name), reason=why.code if why else "quantised",
                evidence={k: v if isinstance(v, str) else six_digits(v) for k, v in evidence.items()},
            )  # fmt: skip
    constraints = Constraints(
        model=ModelReference(path=facts["file"], sha256=facts["sha256"]),
        default=plan.default,
        nodes=nodes,
        cures=() if options.cures is None else in_effect(read_cures(options.cures), plan),
        scales={} if options.scales is None else read_scales(options.scales).amax,
        accept=options.accept,
        measured={key: search["metrics"][key] for key in ("reference", "low", "candidate")},
        made_by=search["made-by"],
    )
    write_constraints(constraints, context.folder / outputs["constraints"])
    exports = context.folder / outputs["exports"]
    exports.mkdir()
    for file, write in formats_for(constraints):
        (exports / file).write_text(write(constraints), encoding="utf-8")
    ports = [tuple(_port(value) for value in values) for values in (model.graph.input, model.graph.output)]
    name = Path(facts["file"]).stem
    (exports / "config.pbtxt").write_text(triton_config(name, *ports), encoding="utf-8")
    some = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    return Result(metrics={"kept": len(nodes)}, summary=f"{plan.default} except {some}")


def _port(value: onnx.ValueInfoProto) -> Port:
    from trtflow.files.exports import Port
    from trtflow.model.ports import declared_port

    entry = declared_port(value)
    return Port(entry.name, entry.dtype.name, entry.shape)


def _json(path: File) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))

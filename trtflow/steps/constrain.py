"""Write the constraints file (the decision, a reason for each kept node, the proof) and its exports."""

from __future__ import annotations

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Conditions, Executed
from trtflow.steps.trt_options import Trt

version = 8
environment = ("tensorrt", "tensorrt-rtx")
outputs = {"constraints": "constraints.yaml", "exports": "exports", "names": "names.csv"}
optional = ("names",)
published = {"constraints": "constraints.yaml", "exports": "exports", "names": "names.csv"}


class With(Executed):
    """Options of ``constrain``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    facts: File = Field(description="facts of the model file, from inspect")
    plan: File = Field(description="the precision plan, from bisect or quantize")
    search: File = Field(description="what the search measured, from bisect or quantize")
    floats: File | None = Field(None, description="what bisect measured, where quantize went on from it")
    findings: File = Field(description="reasons, from diagnose")
    scales: File | None = Field(None, description="the scales file, from calibrate; for plans with INT8 or FP8")
    cures: File | None = Field(None, description="the cures applied, from cure")
    data_facts: File | None = Field(None, description="the samples that judge, from check-data")
    accept: Conditions = Field(description="the conditions that the plan was accepted by")
    trt: Trt = Trt()


def run(options: With, context: Context) -> Result:
    """Join the plan with the findings; refuse a decision that is none."""
    import onnx

    from trtflow.files.constraints import write_constraints
    from trtflow.files.cures import read_cures
    from trtflow.files.data_facts import DataFacts
    from trtflow.files.document import read_document
    from trtflow.files.findings import read_findings
    from trtflow.files.outcomes import ModelFacts
    from trtflow.files.scales import read_scales
    from trtflow.files.search import SearchDocument
    from trtflow.model.libraries import use_libraries
    from trtflow.plan import read_plan
    from trtflow.steps.shown import exceptions
    from trtflow.tasks.constrain import constrain, refusal
    from trtflow.tasks.export import write_exports
    from trtflow.tasks.names import names_of
    from trtflow.tasks.searching import Decided

    search = read_document(SearchDocument, options.search)
    refused = refusal(search)
    if refused:
        return Result(accepted=False, summary=refused)
    use_libraries(options.custom_ops)
    model = onnx.load(options.model)
    facts = read_document(ModelFacts, options.facts)
    data = None if options.data_facts is None else read_document(DataFacts, options.data_facts)
    constraints = constrain(
        model,
        facts,
        Decided(read_plan(options.plan), search),
        options.accept,
        floats=None if options.floats is None else read_document(SearchDocument, options.floats),
        findings=read_findings(options.findings),
        scales=None if options.scales is None else read_scales(options.scales),
        cures=() if options.cures is None else read_cures(options.cures),
        data=data,
    )
    write_constraints(constraints, context.folder / outputs["constraints"])
    batches = {**(data.batches if data else {}), **options.trt.batches}
    names = names_of(options.model, context.folder / outputs["names"])
    write_exports(constraints, model, context.folder / outputs["exports"], names, batches, facts.renamed)
    return Result(metrics={"kept": len(constraints.nodes)}, summary=exceptions(constraints))

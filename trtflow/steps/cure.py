"""Cure what INT8 harms by changes that leave the FP32 network as it is, each kept only where it measures better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from trtflow.steps.contract import Context, File, Result, Table
from trtflow.steps.options import Data, Executed

if TYPE_CHECKING:
    from trtflow.calibration.cure import Attempt

version = 9
environment = ("onnxruntime",)
outputs = {"model": "model.onnx", "scales": "scales.yaml", "cures": "cures.json"}
published = {"model": "{config}.cured.onnx", "scales": "{config}.cured.scales.yaml"}


class With(Executed):
    """Options of ``cure``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data = Field(description="evaluation samples; some of them judge the cures")
    calibration: Data | None = Field(None, description="calibration samples, as for calibrate")
    scales: File = Field(description="the scales file, from calibrate")
    trials: int = Field(4, ge=1, description="samples on which a cure is judged")


def run(options: With, context: Context) -> Result:
    """Try equalisation and migration, weight clipping and bias correction where INT8 harms most."""
    import onnx

    from trtflow.cures import changed
    from trtflow.files.cures import write_cures
    from trtflow.files.scales import Origin, read_scales, write_scales
    from trtflow.model.load import save
    from trtflow.steps.given import hooks, open_data, open_model
    from trtflow.tasks.cure import cure

    model, scales = open_model(options, options.model), read_scales(options.scales)
    data = open_data(options.calibration or options.data, model)
    cured = cure(model, data, scales, samples=options.trials, hooks=hooks(context))
    whole = changed(onnx.load(options.model), cured.cures)  # foreign operators included
    save(whole, context.folder / outputs["model"])
    origin = Origin(name=outputs["model"], sha256=context.digest(context.folder / outputs["model"]))
    write_scales(cured.scales.model_copy(update={"model": origin}), context.folder / outputs["scales"])
    write_cures(cured.cures, context.folder / outputs["cures"])
    return Result(
        metrics={"tried": len(cured.attempts), "applied": len(cured.cures)},
        summary=f"{len(cured.cures)} of {len(cured.attempts)} cures help and are applied"
        if cured.attempts
        else "nothing to cure",
        table=Table(("cure", "where", "error before", "after", ""), tuple(map(_row, cured.attempts[:20]))),
    )


def _row(attempt: Attempt) -> tuple[str, str, str, str, str]:
    cure, state = attempt.cure, "applied" if attempt.applied else "left"
    return cure.kind, cure.subject, f"{cure.before:.3g}", f"{cure.after:.3g}", state

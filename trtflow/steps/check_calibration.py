"""Ask of a calibration what must be asked before it is trusted; refuse what would ruin the result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Data, Executed
from trtflow.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trtflow.files.checks import Check

version = 6
environment = ("onnxruntime", "tensorrt")
outputs = {"checks": "checks.json"}


class With(Executed):
    """Options of ``check-calibration``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    scales: File = Field(description="the scales file, from calibrate")
    thresholds: File | None = Field(None, description="what each method would give, from calibrate")
    data: Data = Field(description="evaluation samples, preprocessed as for inference")
    calibration: Data | None = Field(
        None, description="calibration samples; left out, the evaluation samples were used"
    )
    cache: File | None = Field(None, description="ranges that were loaded: cache, JSON, PPQ, text, scales, Q/DQ ONNX")
    samples: int = Field(8, ge=1, description="evaluation samples to see what ranges inference reaches")
    few: int = Field(8, ge=1, description="different samples below which a calibration is refused")
    enough: int = Field(100, ge=1, description="different samples that meet the usual advice")
    growing: float = Field(0.05, gt=0, description="share of a range that half of the samples may miss")
    uncovered: float = Field(1.25, gt=1, description="how far inference may reach beyond calibration")
    allow: tuple[Literal["R17", "R18", "R19", "R23"], ...] = Field((), description="refusals to let pass, by code")


def run(options: With, context: Context) -> Result:
    """Write checks.json; the gate is not met while a refusal stands that ``allow`` does not name."""
    from trtflow.diagnosis.checks.samples import Limits
    from trtflow.files.checks import write_checks
    from trtflow.files.scales import read_scales
    from trtflow.steps.given import loaded_ranges, open_data, open_model
    from trtflow.tasks.check_calibration import check_calibration

    model = open_model(options, options.model)
    origins = context.digest(options.model), context.digest((options.calibration or options.data).source)
    found = check_calibration(
        model,
        read_scales(options.scales),
        open_data(options.data, model),
        None if options.calibration is None else open_data(options.calibration, model),
        loaded=None if options.cache is None else loaded_ranges(options.cache, options.thresholds, *origins),
        samples=options.samples,
        limits=Limits(options.few, options.enough, options.growing, options.uncovered),
    )
    checks = [
        replace(c, verdict="allowed") if c.verdict == "refuse" and c.code in options.allow else c for c in found
    ]
    write_checks(checks, context.folder / outputs["checks"])
    return _result(checks)


def _result(checks: Sequence[Check]) -> Result:
    refused = [check for check in checks if check.verdict == "refuse"]
    passed = counted(len(checks), "check") + " passed"
    warned = sum(check.verdict in ("warn", "allowed") for check in checks)
    from trtflow.steps.shown import checks_made, refusal

    return Result(
        metrics={"refused": len(refused), "warnings": warned},
        accepted=not refused,
        summary=refusal(refused) or (f"{passed}, {warned} of them with a warning" if warned else passed),
        table=checks_made(checks),
    )

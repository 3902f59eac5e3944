"""Compare every layer of the candidates with the FP32 reference, in lockstep, keeping statistics, not tensors."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field

from trtflow.engine.step import Context, File, Options, Result, Table
from trtflow.steps.options import Data

version = 1
environment = ("onnxruntime",)
outputs = {"statistics": "statistics.json", "layers": "layers.csv"}
published = {"layers": "layers.csv"}


class Reference(Options):
    """What everything is compared with."""

    runner: Literal["onnxruntime"] = "onnxruntime"
    precision: Literal["fp32"] = "fp32"


class Candidate(Options):
    """One precision under test."""

    runner: Literal["auto", "emulated"] = Field("auto", description="what executes it; auto: emulated")
    precision: Literal["fp16", "bf16"] = "fp16"


class With(Options):
    """Options of ``compare``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data
    reference: Reference = Reference()
    candidates: dict[str, Candidate] = Field(default_factory=lambda: {"fp16": Candidate()})
    samples: int = Field(4, ge=1, description="how many samples to compare")
    memory: int = Field(512, ge=1, description="MB of marked tensors to hold at once")
    rounding: Literal["tensor", "unit"] = Field("tensor", description="round every tensor, or what an engine fuses")


def run(options: With, context: Context) -> Result:
    """Mark all outputs, run reference and candidates side by side, write statistics.json and layers.csv."""
    import onnx

    from trtflow.data import Dataset, load_dataset
    from trtflow.graph.emulate import instrument
    from trtflow.precision.plan import PrecisionPlan
    from trtflow.report.layers_csv import first_error, write_csv
    from trtflow.runners.lockstep import compare_tensors
    from trtflow.runners.onnxrt import model_inputs
    from trtflow.steps.marks import Layer, mark_batches, marked_layers

    model = onnx.load(options.model)
    limit = min(options.samples, options.data.limit or options.samples)
    data = load_dataset(options.data.source, model_inputs(model), None, limit)

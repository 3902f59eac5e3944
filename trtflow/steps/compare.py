"""Compare every layer of the candidates with the FP32 reference, in lockstep, keeping statistics, not tensors."""

from __future__ import annotations

import csv
import json
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from trtflow.steps.contract import Context, File, Options, Result, Table
from trtflow.steps.options import Data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trtflow.model.layers import Layer

version = 1
environment = ("onnxruntime",)
outputs = {"statistics": "statistics.json", "layers": "layers.csv"}
published = {"layers": "layers.csv"}

_COUNTS = ("differing", "count", "differing_share")  # the mission's table: differing, total, ratio


class Reference(Options):
    """What everything is compared with."""

    runner: Literal["onnxruntime"] = "onnxruntime"
    precision: Literal["fp32"] = "fp32"


class Candidate(Options):
    """One precision under test."""

    runner: Literal["emulated"] = "emulated"
    precision: Literal["fp16", "bf16", "int8", "fp8"] = Field("fp16", description="of every node that suits it")
    plan: File | None = Field(None, description="a precision plan, from bisect or quantize; overrides precision")
    scales: File | None = Field(None, description="the scales file, from calibrate; for INT8 and FP8")
    cures: File | None = Field(None, description="clipped weights and corrected biases, from cure")


class With(Options):
    """Options of ``compare``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data
    reference: Reference = Reference()
    candidates: dict[str, Candidate] = Field(default_factory=lambda: {"fp16": Candidate()}, min_length=1)
    samples: int = Field(4, ge=1, description="how many samples to compare")
    memory: int = Field(512, ge=1, description="MB to use beside what the models themselves take")
    rounding: Literal["tensor", "unit"] = Field("tensor", description="round every tensor, or what an engine fuses")


def run(options: With, context: Context) -> Result:
    """Mark all outputs, run reference and candidates side by side, write statistics.json and layers.csv."""
    import onnx

    from trtflow.model.layers import layers
    from trtflow.plan import PrecisionPlan, read_plan
    from trtflow.qdq.quantize import float_plan
    from trtflow.runners import lockstep
    from trtflow.runners.quantized import emulate, read_ranges_of
    from trtflow.tasks.samples import open_data

    model = onnx.load(options.model)
    samples = open_data(options.data, model, options.samples)
    found = layers(model)
    plans = {
        name: PrecisionPlan(entry.precision) if entry.plan is None else read_plan(entry.plan)
        for name, entry in options.candidates.items()
    }
    candidates = {
        name: lockstep.Candidate(
            partial(emulate, model, plans[name], read_ranges_of(entry.scales, entry.cures), options.rounding),
            float_plan(plans[name]).default,
        )
        for name, entry in options.candidates.items()
    }
    tensors = [layer.tensor for layer in found]
    memory = options.memory * 1_000_000
    statistics, count = lockstep.compare_tensors(model, candidates, tensors, samples, memory, context.progress)
    documents = {
        name: {tensor: entry.document() for tensor, entry in rows.items()} for name, rows in statistics.items()
    }
    _write(context.folder, found, documents, count, options.rounding)
    return _result(found, next(iter(documents.values())), count)


def _write(folder: Path, found: Sequence[Layer], documents: Mapping[str, Any], samples: int, rounding: str) -> None:
    document = {
        "samples": samples,
        "rounding": rounding,
        "layers": [vars(layer) for layer in found],
        "candidates": documents,
    }
    text = json.dumps(document, allow_nan=False)
    (folder / outputs["statistics"]).write_text(text, encoding="utf-8")
    others = [field for field in next(iter(next(iter(documents.values())).values())) if field not in _COUNTS]
    with (folder / outputs["layers"]).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["candidate", "depth", "layer", "op", "tensor", "differing", "total", "ratio", *others])
        for name, tensors in documents.items():
            for layer in found:
                row = tensors[layer.tensor]
                counts = [row[field] for field in _COUNTS]
                place = [name, layer.depth, layer.node, layer.op, layer.tensor]
                writer.writerow([*place, *counts, *(row[field] for field in others)])


def _result(found: Sequence[Layer], statistics: Mapping[str, Any], samples: int) -> Result:
    rows = [(layer, statistics[layer.tensor]) for layer in found]
    wrong = [(layer, row) for layer, row in rows if _is_wrong(row)]
    worst = sorted(wrong, key=lambda entry: -entry[1]["differing_share"])[:10]
    table = Table(
        ("layer", "op", "differing", "total", "ratio"),
        tuple(
            (layer.node, layer.op, row["differing"], row["count"], f"{row['differing_share']:.2%}")
            for layer, row in worst
        ),
        title="values that deviate by more than 10 %, worst layers first",
    )
    first = f", first at {wrong[0][0].node}" if wrong else ""
    return Result(
        metrics={"layers": len(rows), "wrong": len(wrong), "first": wrong[0][0].node if wrong else None},
        summary=f"{len(wrong)} of {len(rows)} layers deviate by more than 10 %{first} ({samples} samples)",
        table=table if wrong else None,
    )


def _is_wrong(row: Mapping[str, Any]) -> bool:
    from trtflow.report.gather import WRONG

    return bool(row["differing_share"] and row["differing_share"] > WRONG)

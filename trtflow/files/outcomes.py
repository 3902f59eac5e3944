"""The short documents of single steps: the model's facts, the rewritten file, the build, the verdict, the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict, Field

from trtflow.files.document import Document
from trtflow.files.quantization import Quantization
from trtflow.numerics.accept import Kind

Metrics = Mapping[str, float]


class ModelFacts(Document):
    """``facts.json``: the ONNX file that was examined, what was done to read it, what is quantized in it already."""

    file: str = ""
    sha256: str = ""
    bytes: int = 0
    nodes: int = 0
    candidates: int = 0
    opset: int = 0
    parameters: int = 0
    operators: Mapping[str, int] = Field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    quantization: Quantization = Quantization()


class RewriteOutcome(Document):
    """``rewrite.json``: the mixed file: Casts, Q/DQ pairs, bytes, nodes kept high against the plan, remarks."""

    casts: int
    pairs: int
    bytes: int
    promoted: Mapping[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()


class BuildOutcome(Document):
    """``build.json``: the engine, or in ``not_built`` why there is none. ``tensors`` counts the network's by type."""

    backend: str
    version: str = ""
    bytes: int | None = None
    tensors: Mapping[str, int] = Field(default_factory=dict)
    not_built: str = ""


class VerdictDocument(Document):
    """``verdict.json``: end metrics of the reference and of the mixed file, and the margin on each condition.

    Margins are at least 0 where a condition holds, in units of its bound. ``worst_sample``, counted from 0, has the
    lowest SQNR (None: no output deviates); ``silent`` names samples that judge nothing, FP32 being zero. ``runner``
    executed the file; where that is an engine, ``emulated`` is what the emulator says of it.
    """

    accepted: bool
    samples: int
    reference: Metrics
    candidate: Metrics
    margins: Metrics
    accept: Mapping[str, Mapping[Kind, float]]
    worst_sample: int | None = None
    silent: tuple[str, ...] = ()
    runner: str = "emulated"
    emulated: bool | None = None


class RunMetrics(Document):
    """``metrics.json``: the run for machines. Its keys are in snake_case, as programs outside know them.

    ``kept_cost_share`` is a share of the model's work, ``seconds`` the time of each step. ``marks`` are what a reader
    must know beside the verdict.
    """

    model_config = ConfigDict(alias_generator=None)

    accepted: bool
    held_out: bool
    marks: tuple[str, ...] = ()
    metrics: Mapping[Literal["reference", "low", "candidate"], Metrics]
    kept: tuple[str, ...]
    kept_cost_share: float
    evaluations: int
    builds: int
    seconds: Mapping[str, float]

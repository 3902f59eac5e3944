"""The short documents of single steps: the model's facts, the rewritten file, the build, the verdict, the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict, Field

from trtflow.errors import Outcome
from trtflow.files.document import Document
from trtflow.files.proof import Proof, WorstSample
from trtflow.files.quantization import Quantization
from trtflow.files.runtime_trial import RuntimeTrial
from trtflow.numerics.accept import Kind
from trtflow.precision import Precision

Metrics = Mapping[str, float]
Typing = Literal["strong", "weak"]
"""Whether an engine's precision is in the types of its file, or was told beside it."""
State = Literal["accepted", "not-proven", "not-accepted", "nothing-gained", "baseline-missed", "failed"]
"""How a run ended.

not-proven: accepted, on too few samples to be sure. nothing-gained: no node takes the low precision. baseline-missed:
FP32 itself does not meet the conditions. failed: a step came to no result.
"""
HOLDS: frozenset[State] = frozenset({"accepted", "not-proven"})


class Selected(Document):
    """Outputs that depend on a selection by ``node``, and the tensors ``before`` it that are compared instead."""

    node: str
    op: str
    outputs: tuple[str, ...]
    before: tuple[str, ...]


class Foreign(Document):
    """An operator that ONNX does not define, with its domain: how many nodes, and whether ONNX Runtime runs it."""

    operator: str
    count: int
    runs: bool


class ModelFacts(Document):
    """``facts.json``: the ONNX file that was examined and what was done to read it.

    Also what it selects, and what is quantized in it already; ``foreign`` operators, and the tensors where what is
    measured ``ends`` because ONNX Runtime does not run some of them. ``nothing`` says why no node of it can take a
    low precision, which ends a run; empty: some can. ``renamed``: the file lacks some of the names of nodes, or has
    them twice.
    """

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
    selected: tuple[Selected, ...] = ()
    quantization: Quantization = Quantization()
    nothing: str = ""
    foreign: tuple[Foreign, ...] = ()
    ends: tuple[str, ...] = ()
    renamed: bool = False


class RewriteOutcome(Document):
    """``rewrite.json``: the mixed file: Casts, Q/DQ pairs, bytes, nodes kept high against the plan, remarks.

    ``recurrent`` are the low LSTM, GRU and RNN nodes whose state the emulator keeps in FP32, ``stepped`` those in
    FP16 that it computes step by step.
    """

    casts: int
    pairs: int
    bytes: int
    promoted: Mapping[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    recurrent: tuple[str, ...] = ()
    stepped: tuple[str, ...] = ()


class NotHonoured(Document):
    """A ``node`` for which a precision was ``asked``, and those that its layers in the engine read and write."""

    node: str
    asked: Precision
    built: tuple[Precision, ...]


class BuildOutcome(Document):
    """``build.json``: the engine, or in ``not_built`` why there is none; ``failure`` says how it was not built.

    ``tensors`` counts the network's by type. ``machine``: the GPU, its driver and the CUDA runtime, those that there
    are. ``uninspected``: why the engine's layers were not read; where they were, ``honoured`` counts what became of
    the nodes whose precision was asked for, and ``not_honoured`` has those in another (R25). ``notes`` tell of ranges
    and calibration.
    """

    backend: str
    version: str = ""
    typing: Typing | None = None
    bytes: int | None = None
    tensors: Mapping[str, int] = Field(default_factory=dict)
    machine: Mapping[str, str] = Field(default_factory=dict)
    uninspected: str = ""
    notes: tuple[str, ...] = ()
    honoured: Mapping[str, int] = Field(default_factory=dict)
    not_honoured: tuple[NotHonoured, ...] = ()
    not_built: str = ""
    failure: Outcome | None = None


class VerdictDocument(Proof):
    """``verdict.json``: end metrics of the reference and of the mixed file, and the margin on each condition.

    All samples made them. Margins are at least 0 where a condition holds, in units of its bound. ``worst_sample``,
    counted from 0, has the lowest SQNR (None: no output deviates); ``decided_by`` names, by metric, the worst of
    several outputs or parts of one; ``silent`` names samples that judge nothing, FP32 being zero. ``runner`` executed
    the file; where that is an engine, ``emulated`` is what the emulator says of it, and where that was built here,
    ``typing`` says how: weakly typed it is one of the FP32 model, told the constraints. ``runtime`` is what ONNX
    Runtime does with the file, which decides nothing.
    """

    samples: int
    reference: Metrics
    candidate: Metrics
    margins: Metrics
    accept: Mapping[str, Mapping[Kind, float]]
    worst_sample: int | None = None
    decided_by: Mapping[str, str] = Field(default_factory=dict)
    silent: tuple[str, ...] = ()
    runner: str = "emulated"
    emulated: bool | None = None
    typing: Typing | None = None
    runtime: RuntimeTrial | None = None


class RunMetrics(Document):
    """``metrics.json``: the run for machines. Its keys are in snake_case, as programs outside know them.

    ``sentence`` is the verdict, ``marks`` are what a reader must know beside it. ``kept`` are the nodes that
    ``constraints.yaml`` keeps and ``kept_cost_share`` is their share of the model's work. ``evaluations`` counts
    plans measured on all samples of the search, ``probes`` those on the hardest ones only. ``seconds`` is the time
    of each step. ``decided_by`` maps metrics to the output, or part of one, that was the worst. ``held_out``: the
    verdict rests on samples that no search saw, too, on which the candidate has the metrics ``unseen``; ``proven``:
    by more than samples differ. ``worst``: each metric's sample.
    """

    model_config = ConfigDict(alias_generator=None)

    accepted: bool
    state: State
    sentence: str
    held_out: bool
    proven: bool = False
    marks: tuple[str, ...] = ()
    metrics: Mapping[Literal["reference", "low", "candidate"], Metrics]
    decided_by: Mapping[str, str] = Field(default_factory=dict)
    unseen: Metrics = Field(default_factory=dict)
    worst: Mapping[str, WorstSample] = Field(default_factory=dict)
    kept: tuple[str, ...]
    kept_cost_share: float
    evaluations: int
    probes: int
    builds: int
    seconds: Mapping[str, float]

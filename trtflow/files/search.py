"""``search.json``: what a search decided, measured and left aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from trtflow.files.document import Document
from trtflow.files.findings import Finding
from trtflow.files.outcomes import State
from trtflow.numerics.accept import Kind
from trtflow.precision import Precision

Metrics = Mapping[str, float]
Side = Literal["reference", "naive", "low", "base", "candidate"]
Group = Literal["left out by the search", "output layer", "not quantizable"]


class EvaluationEntry(Document):
    """One plan measured. ``accepted`` is None where it could not be; ``high`` counts nodes in high precision."""

    index: int
    phase: str
    kind: Literal["full", "probe", "build"]
    high: int
    cost: float
    accepted: bool | None
    margin: float
    metrics: Metrics = Field(default_factory=dict)
    best: bool = False


class BaselineEntry(Document):
    """What another strategy would have kept on the same model."""

    name: str
    accepted: bool
    kept: int
    cost: float
    evaluations: int


class FrontPoint(Document):
    """A measured plan that no other beats in both cost and error; ``sqnr`` in dB, infinite when exact."""

    high: int
    cost: float
    sqnr: float | None
    accepted: bool


class LeftOut(Document):
    """A node outside eight bits: what it computes in, its share of the multiply-adds, and why."""

    node: str
    op: str
    precision: Precision
    share: float
    group: Group
    why: Finding


class EightBits(Document):
    """What a search over INT8 or FP8 adds: which nodes it quantizes and where the multiply-adds run.

    ``work`` is the share of the multiply-adds by precision, ``left`` every node outside eight bits that has some.
    ``quality``: good while no metric fell by more than 1 % of FP32's.
    """

    quantized: tuple[str, ...]
    share: float
    quality: Literal["good", "poor"]
    left: tuple[LeftOut, ...]
    work: Mapping[Precision, float]


class SearchDocument(Document):
    """The outcome of a search.

    ``kept`` nodes stay in high precision, ``forced`` ones whatever is measured, ``merged`` ones to save Casts.
    ``cost`` and ``node_costs`` are shares of the model's work. ``metrics``: of the reference, of everything ``low``,
    of the candidate that was found, and for eight bits of ``naive`` ranges and of the floating-point ``base``.
    ``made_by`` names the ``runner`` that decided; where that is an engine, ``emulated`` is what the emulator says of
    the same plan. ``lowered`` counts the nodes that the plan leaves in ``low``. ``missed`` says which conditions FP32
    itself does not meet, so that nothing was searched; empty where it meets them all.
    """

    strategy: str
    made_by: Mapping[str, str]
    data: str
    low: Precision
    accepted: bool
    minimal: bool
    reason: str
    kept: tuple[str, ...]
    lowered: int
    missed: str = ""
    accept: Mapping[str, Mapping[Kind, float]] = Field(default_factory=dict)
    forced: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    emulated: bool | None = None
    builds: int = 0
    cost: float
    node_costs: Mapping[str, float]
    samples: int
    held_out: int
    metrics: Mapping[Side, Metrics]
    fusion: str = ""
    front: tuple[FrontPoint, ...] = ()
    evaluations: tuple[EvaluationEntry, ...] = ()
    baselines: tuple[BaselineEntry, ...] = ()
    eight_bits: EightBits | None = None

    @property
    def state(self) -> State:
        """What came of it, before anything was written or validated."""
        if self.missed:
            return "baseline-missed"
        if not self.accepted:
            return "not-accepted"
        return "accepted" if self.lowered else "nothing-gained"

    @property
    def measured(self) -> int:
        """How many plans were measured on all samples of the search."""
        return sum(entry.kind == "full" for entry in self.evaluations)

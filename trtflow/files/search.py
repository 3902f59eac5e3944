"""``search.json``: what a search decided, measured and left aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from trtflow.errors import Outcome
from trtflow.files.document import Document
from trtflow.files.findings import Finding
from trtflow.files.outcomes import State
from trtflow.numerics.accept import Kind
from trtflow.precision import Precision
from trtflow.text import counted

Metrics = Mapping[str, float]
Side = Literal["reference", "naive", "low", "base", "candidate"]
Group = Literal["left out by the search", "output layer", "not quantizable", "no pairs in the file"]
Word = Literal["needed", "forced", "cheaper", "constant", "unproven"]
WORDS: Mapping[Word, str] = {
    "needed": "needed",
    "forced": "forced",
    "cheaper": "cheaper",
    "constant": "forced",
    "unproven": "kept, not shown to be needed",
}
"""How people read a word."""


class Because(Document):
    """Why a node is kept: the word, its sentence, and the kept nodes that it shares a tensor with.

    needed:   a plan that lacks this node was measured and refused
    forced:   a rule leaves no choice; the sentence names it
    cheaper:  accuracy does not need it, but Casts around it would cost more
    constant: it holds a constant beyond the low format's range
    unproven: it is part of the plan that holds; that it is needed was not shown
    """

    word: Word
    text: str
    beside: tuple[str, ...] = ()


class EvaluationEntry(Document):
    """One plan measured. ``accepted`` is None where it could not be; ``high`` counts nodes in high precision.

    A plan that was not built or loaded has a ``failure``, in a word, and ``why``. ``not_honoured``: the nodes that
    the engine computes in another precision than the plan says.
    """

    index: int
    phase: str
    kind: Literal["full", "probe", "build"]
    high: int
    cost: float
    accepted: bool | None
    margin: float
    metrics: Metrics = Field(default_factory=dict)
    best: bool = False
    failure: Outcome | None = None
    why: str = ""
    not_honoured: tuple[str, ...] = ()


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


class Saturation(Document):
    """Values inside a plan that are infinite or NaN where FP32's are finite; ``nodes`` of ``layers`` hold some.

    ``mended`` and ``unshown``: the nodes that make finite values of them, with their operators. The former are shown
    to do what FP32 does, of the latter that is not shown. ``kept`` nodes are in high precision for no other reason.
    """

    layers: int
    nodes: tuple[str, ...] = ()
    mended: Mapping[str, str] = Field(default_factory=dict)
    unshown: Mapping[str, str] = Field(default_factory=dict)
    kept: tuple[str, ...] = ()


class SearchDocument(Document):
    """The outcome of a search.

    ``kept`` nodes stay in high precision, each ``because`` of something; for eight bits that is left to
    ``eight_bits.left``. ``cost`` and ``node_costs`` are shares of the model's work.
    ``metrics``, over ``judged_on`` samples: of the reference, of everything ``low``, of the candidate that was found,
    and for eight bits of ``naive`` ranges and of the floating-point ``base``.
    ``made_by`` names the ``runner`` that decided; where that is an engine, ``emulated`` is what the emulator says of
    the same plan. ``accept`` are the conditions that decided: the user's, and what a selection adds. ``held_out``
    samples were not searched on; ``unseen`` are the places of those that no choice saw. ``saturation`` is None where
    no plan was found that could rest on it. ``lowered`` counts the nodes that the plan leaves in ``low``. ``missed``
    says which conditions FP32 itself does not meet, so that nothing was searched; empty where it meets them all.
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
    because: Mapping[str, Because] = Field(default_factory=dict)
    emulated: bool | None = None
    builds: int = 0
    cost: float
    node_costs: Mapping[str, float]
    samples: int
    held_out: int
    unseen: tuple[int, ...] = ()
    judged_on: int
    accept: Mapping[str, Mapping[Kind, float]] = Field(default_factory=dict)
    metrics: Mapping[Side, Metrics]
    fusion: str = ""
    accumulation: str = ""
    front: tuple[FrontPoint, ...] = ()
    evaluations: tuple[EvaluationEntry, ...] = ()
    baselines: tuple[BaselineEntry, ...] = ()
    eight_bits: EightBits | None = None
    saturation: Saturation | None = None

    @property
    def refused_inside(self) -> bool:
        """Whether the plan meets every condition, but rests on infinities that are not shown to be harmless."""
        return not self.accepted and self.saturation is not None and bool(self.saturation.unshown)

    @property
    def forced(self) -> tuple[str, ...]:
        """The kept nodes about which there is no choice."""
        return tuple(node for node, why in self.because.items() if why.word in ("forced", "constant"))

    @property
    def merged(self) -> tuple[str, ...]:
        """The kept nodes that accuracy does not need."""
        return tuple(node for node, why in self.because.items() if why.word == "cheaper")

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

    @property
    def probes(self) -> int:
        """How often a plan was measured on the hardest samples only."""
        return sum(entry.kind == "probe" for entry in self.evaluations)

    @property
    def effort(self) -> str:
        """What was measured, in words."""
        counts = {"plan": self.measured, "probe": self.probes}
        some = [counted(count, what) for what, count in counts.items() if count]
        return f"{' and '.join(some) or 'nothing'} measured"

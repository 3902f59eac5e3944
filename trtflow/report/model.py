"""What a page shows of a run: the documents of its steps, and what only a reader needs beside them.

Shares lie between 0 and 1, times are seconds; a metric is None where it was not measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trtflow.files.checks import Check
from trtflow.files.findings import Finding, Reason
from trtflow.files.outcomes import HOLDS, BuildOutcome, ModelFacts, RewriteOutcome, State
from trtflow.files.runtime_trial import RuntimeTrial
from trtflow.files.scales import Scales
from trtflow.files.search import Because, SearchDocument
from trtflow.files.statistics import Statistics
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision


@dataclass(frozen=True)
class MetricRow:
    """One end metric: its value under each precision and, if it was asked for, the bound that it must keep.

    ``naive`` is set where ``low`` calibrates: with ranges as wide as what was seen, ``low`` being the tuned one.
    ``bound`` is the condition in words ("drop at most 0.005"), empty for a metric that is only reported.
    ``margin``, in units of the metric, is at least 0 where the candidate keeps the bound. ``decided_by`` is the
    output, or part of one, that was the candidate's worst, where there are several.
    ``unseen`` is the candidate's value on samples that no choice saw, ``sure`` what the metric, or its drop or rise,
    reaches with 95 % confidence, and ``worst`` its value on the sample ``worst_sample``.
    """

    metric: str
    reference: float | None
    low: float | None
    candidate: float | None
    naive: float | None = None
    bound: str = ""
    margin: float | None = None
    decided_by: str = ""
    unseen: float | None = None
    sure: float | None = None
    worst: float | None = None
    worst_sample: int | None = None


@dataclass(frozen=True)
class Verdict:
    """The decision in one plain sentence, and the end metrics that made it; the first one is the headline.

    ``samples``: on how many the candidate was measured, 0 for none. ``marks`` say what it rests on and how far it
    reaches, a sentence each.
    """

    state: State
    sentence: str
    metrics: tuple[MetricRow, ...] = ()
    marks: tuple[str, ...] = ()
    samples: int = 0

    @property
    def accepted(self) -> bool:
        """Whether the result may be used."""
        return self.state in HOLDS


@dataclass(frozen=True)
class Card:
    """A node outside the low precision. ``why``: the root cause; ``because``: what keeps it, where that was searched.

    ``title`` is the reason's; ``share`` is of the model's work, or of its multiply-adds where INT8 left the node.
    """

    node: str
    op: str
    precision: Precision
    why: Finding
    title: str
    share: float | None = None
    because: Because | None = None


@dataclass(frozen=True)
class File:
    """A file that the run left behind."""

    path: str
    purpose: str


@dataclass(frozen=True)
class RunSummary:
    """A whole run; None or empty is what no step has told.

    ``low`` is the precision under test; the candidates of ``statistics`` begin with it. ``search`` is the one that
    decided. ``kept`` is what stays in FP32, ``left`` what else is outside INT8 or FP8, if one of them is under test.
    """

    title: str
    low: Precision
    model: ModelFacts
    verdict: Verdict
    plan: PrecisionPlan
    statistics: Statistics | None = None
    search: SearchDocument | None = None
    kept: tuple[Card, ...] = ()
    left: tuple[Card, ...] = ()
    findings: tuple[tuple[Finding, Reason], ...] = ()
    rewrite: RewriteOutcome | None = None
    runtime: RuntimeTrial | None = None
    build: BuildOutcome | None = None
    scales: Scales | None = None
    checks: tuple[Check, ...] = ()
    files: tuple[File, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

"""How far an acceptance reaches: what samples say that no choice saw, and by how much samples differ."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from trtflow.files.document import Document

Metrics = Mapping[str, float]


class Unseen(Document):
    """End metrics over the samples at ``places``, which no search and no choice among plans saw."""

    places: tuple[int, ...]
    accepted: bool
    reference: Metrics
    candidate: Metrics
    margins: Metrics


class WorstSample(Document):
    """The sample, counted from 0, on which a metric alone is worst."""

    value: float
    sample: int


class Proof(Document):
    """``accepted`` holds on all samples and on the ``unseen`` ones; None of these: nothing was held out.

    ``worst`` is the worst sample of each built-in metric that is a condition, where samples differ. ``bounds`` are
    what the margins are at least with 95 % confidence, each alone, on samples like the unseen ones, or like all where
    there are none. ``proven``: they are at least 0, on enough samples that chose nothing; else ``why_not_proven``
    says what an acceptance lacks, and ``deciding_samples`` how many unseen ones would settle it, where that is known.
    """

    accepted: bool
    unseen: Unseen | None = None
    worst: Mapping[str, WorstSample] = Field(default_factory=dict)
    bounds: Metrics = Field(default_factory=dict)
    proven: bool = False
    why_not_proven: str = ""
    deciding_samples: int | None = None

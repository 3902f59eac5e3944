"""What the search asks: a plan goes in, an outcome comes out. Emulators and engines stand behind one protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from trtflow.errors import Outcome as Failure
from trtflow.plan import PrecisionPlan


@dataclass(frozen=True)
class Outcome:
    """One plan, measured.

    ``margin`` is ≥ 0 exactly when ``accepted``; larger is better, minus infinity is allowed. ``error`` is ≥ 0
    and smaller is better (1/SQNR of the end outputs, say: a ratio of energies, so that independent errors add);
    +inf when anything is not finite. ``passes`` is what the measurement cost in full passes over the search's
    samples: a probe over two of eight samples costs 0.25. ``noise`` is what the margin may owe to the choice of
    samples (its standard error, in its unit), 0 where nobody asked. A plan whose build or session failed has the
    status ``failed``, which says nothing about its accuracy, and ``why``; ``failure`` is how, in a word. An engine
    computes the nodes ``unheeded`` in another precision than the plan says.
    """

    accepted: bool
    margin: float
    error: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    status: Literal["measured", "failed"] = "measured"
    reused: bool = False
    seconds: float = 0.0
    passes: float = 1.0
    noise: float = 0.0
    why: str = ""
    failure: Failure | None = None
    unheeded: tuple[str, ...] = ()


FAILED = Outcome(accepted=False, margin=float("-inf"), error=float("inf"), status="failed", passes=0.0)


class Oracle(Protocol):
    """Measures plans."""

    def evaluate(self, plan: PrecisionPlan) -> Outcome:
        """Measure ``plan`` on all samples of the search."""
        ...

    def probe(self, plan: PrecisionPlan) -> Outcome:
        """Measure ``plan`` on the hardest samples only. May be the same as ``evaluate``."""
        ...

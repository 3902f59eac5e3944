"""What the steps of a run left, read back as the documents that it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path
from typing import TypeVar

from trtflow.files.checks import Check, read_checks
from trtflow.files.data_facts import DataFacts
from trtflow.files.document import read_document
from trtflow.files.findings import Finding, read_findings
from trtflow.files.outcomes import BuildOutcome, ModelFacts, RewriteOutcome, VerdictDocument
from trtflow.files.pairs import PairCosts
from trtflow.files.scales import Scales, read_scales
from trtflow.files.search import SearchDocument
from trtflow.files.statistics import Statistics
from trtflow.plan import PrecisionPlan, read_plan

Content = TypeVar("Content")
_SEARCHING = ("quantize", "bisect")  # who decides comes first
_CHECKING = ("check-data", "check-calibration")


@dataclass(frozen=True)
class Documents:
    """What a report is made of; None or empty is what no step left.

    ``search`` and ``plan`` are those that decide: ``quantize``'s where there is one, else ``bisect``'s. ``floats`` is
    ``bisect``'s search between floating-point formats. ``checks`` are those of the evaluation data, then of the
    calibration. ``steps`` are the types of the steps that left anything.
    """

    facts: ModelFacts = field(default_factory=ModelFacts)
    plan: PrecisionPlan = field(default_factory=PrecisionPlan)
    statistics: Statistics | None = None
    findings: tuple[Finding, ...] = ()
    floats: SearchDocument | None = None
    search: SearchDocument | None = None
    scales: Scales | None = None
    data: DataFacts | None = None
    checks: tuple[Check, ...] = ()
    pairs: PairCosts | None = None
    rewrite: RewriteOutcome | None = None
    build: BuildOutcome | None = None
    verdict: VerdictDocument | None = None
    steps: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Left:
    """(Type of step, its outputs), in the order of the steps."""

    outputs: tuple[tuple[str, Mapping[str, Path]], ...]

    def every(self, step: str, output: str, read: Callable[[Path], Content]) -> list[Content]:
        """The output of that name of all steps of the type."""
        return [read(paths[output]) for uses, paths in self.outputs if uses == step and output in paths]

    def first(self, step: str, output: str, read: Callable[[Path], Content]) -> Content | None:
        """The first of ``every``."""
        return next(iter(self.every(step, output, read)), None)


def read_documents(outputs: Iterable[tuple[str, Mapping[str, Path]]]) -> Documents:
    """The documents among ``outputs``: the type of each step with its files by the names of its outputs.

    Of several steps of one type the first one counts; statistics are joined.

    Raises:
        PlanError: a file cannot be read, or holds something else.
    """
    left = _Left(tuple(outputs))
    search, floats = (left.first(step, "search", partial(read_document, SearchDocument)) for step in _SEARCHING)
    quantized, floating = (left.first(step, "plan", read_plan) for step in _SEARCHING)
    compared = left.every("compare", "statistics", partial(read_document, Statistics))
    return Documents(
        facts=left.first("inspect", "facts", partial(read_document, ModelFacts)) or ModelFacts(),
        plan=quantized or floating or PrecisionPlan(),
        statistics=reduce(Statistics.joined, compared) if compared else None,
        findings=left.first("diagnose", "findings", read_findings) or (),
        floats=floats,
        search=search or floats,
        scales=left.first("cure", "scales", read_scales) or left.first("calibrate", "scales", read_scales),
        data=left.first("check-data", "facts", partial(read_document, DataFacts)),
        checks=tuple(check for step in _CHECKING for check in left.first(step, "checks", read_checks) or ()),
        pairs=left.first("pairs", "pairs", partial(read_document, PairCosts)),
        rewrite=left.first("rewrite", "notes", partial(read_document, RewriteOutcome)),
        build=left.first("build", "build", partial(read_document, BuildOutcome)),
        verdict=left.first("validate", "verdict", partial(read_document, VerdictDocument)),
        steps=frozenset(uses for uses, paths in left.outputs if paths),
    )

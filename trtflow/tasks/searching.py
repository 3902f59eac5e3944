"""What the tasks that search have in common: settings, held-out samples, progress, how an outcome is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trtflow.data import Dataset, Sample
from trtflow.emulation.emulate import Rounding
from trtflow.errors import MetricError
from trtflow.facts import facts
from trtflow.files.search import EvaluationEntry, SearchDocument
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Accumulation
from trtflow.runners.registry import BACKENDS, EMULATED
from trtflow.search.held_out import Split, split_samples, verify
from trtflow.search.ledger import Budget, Evaluation
from trtflow.search.oracle import Oracle
from trtflow.search.problem import Problem
from trtflow.search.run import SearchResult
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.inside import Wanted
from trtflow.text import listed
from trtflow.versions import tools

NONE_HOLDS = "held-out samples refuse every plan that was found: searching again, on them too"
REFUSED = "unseen samples refuse the plan: searching again on all samples, so that none is unseen"


@dataclass(frozen=True)
class SearchSettings:
    """How a search goes on.

    ``held_out``: the share of the samples that only verify and judge the result. ``saturation``: whether a plan may
    rest on infinities inside only where these are shown to be harmless, or on any. ``accumulation``: what the
    emulated kernels of FP16's products add up in.
    """

    strategy: str = "trtflow"
    rounding: Rounding = "tensor"
    budget: Budget = field(default_factory=Budget)
    held_out: float = 0.25
    saturation: Wanted = "shown"
    accumulation: Accumulation = FP32


@dataclass(frozen=True)
class Decided:
    """The plan that a search found, and what the search measured on the way."""

    plan: PrecisionPlan
    search: SearchDocument


class Searcher(Protocol):
    """One problem that can be searched on any choice of the samples."""

    @property
    def problem(self) -> Problem:
        """What is searched."""
        ...

    def over(self, chosen: Sequence[int]) -> SearchResult:
        """Search on the samples at ``chosen``."""
        ...

    def unseen(self, chosen: Sequence[int]) -> Oracle:
        """What has the last word, on the samples at ``chosen``."""
        ...


@dataclass(frozen=True)
class Verified:
    """What a search ``found`` on the samples at ``chosen``; ``unseen`` are the places of those that no choice saw."""

    found: SearchResult
    chosen: tuple[int, ...]
    unseen: tuple[int, ...] = ()


def search_and_verify(searcher: Searcher, total: int, share: float, log: Callable[[str], None]) -> Verified:
    """Search on some samples, let others select among the plans, and ask those that are left once.

    Whoever refuses is searched on as well: a plan that holds is worth more than a proof that is none.
    """
    split = split_samples(total, share)
    selected = _selected(searcher, split, log)
    if not selected.found.accepted or _accepts(searcher, split.final, selected.found):
        return selected
    log(REFUSED)
    everything = tuple(range(total))
    return Verified(searcher.over(everything), everything)


def _selected(searcher: Searcher, split: Split, log: Callable[[str], None]) -> Verified:
    """The plan that the final samples are asked about."""
    found = searcher.over(split.searched)
    if not (split.asked and found.accepted):
        return Verified(found, split.searched, split.final)
    held = verify(found, searcher.problem, searcher.unseen(split.asked))
    log(NONE_HOLDS if held is None else f"held-out samples: {held.reason}")
    if held is not None:
        return Verified(held, split.searched, split.final)
    chosen = tuple(sorted((*split.searched, *split.asked)))
    return Verified(searcher.over(chosen), chosen, split.final)


def _accepts(searcher: Searcher, final: tuple[int, ...], found: SearchResult) -> bool:
    """Whether the plan holds on the ``final`` samples; where a metric cannot tell on so few, it does not."""
    try:
        return not final or searcher.unseen(final).evaluate(found.plan).accepted
    except MetricError:
        return False


def reporter(hooks: Hooks) -> Callable[[Evaluation], None]:
    """Tells each evaluation as it is made. What is counted are plans measured on all samples of the search."""
    seen = 0

    def report(entry: Evaluation) -> None:
        nonlocal seen
        seen += entry.kind == "full"
        outcome = entry.outcome
        failed = f"failed by {outcome.failure or 'refusal'} ({outcome.why})" if outcome.why else "failed"
        state = failed if outcome.status == "failed" else "accepted" if outcome.accepted else "refused"
        state += f", not honoured at {listed(outcome.unheeded)}" if outcome.unheeded else ""
        kind = "" if entry.kind == "full" else f"{entry.kind}, "
        text = f"{kind}{entry.phase}: {entry.high_count} high, {state}, margin {outcome.margin:.3g}"
        hooks.progress(seen, None, text)
        hooks.log(text + (" (reused)" if outcome.reused else f" ({outcome.seconds:.2f} s)"))

    return report


def made_by(runner: str = EMULATED) -> dict[str, str]:
    """Who decided: the ``runner``, and the versions of what it and the search depend on."""
    found = {name: value for name, value in facts(BACKENDS[runner].facts).items() if value is not None}
    return tools("trtflow", "onnxruntime", "onnx") | found | {"runner": runner}


def evaluation_entries(evaluations: Iterable[Evaluation]) -> tuple[EvaluationEntry, ...]:
    """Evaluations as a document holds them."""
    return tuple(map(_entry, evaluations))


def _entry(entry: Evaluation) -> EvaluationEntry:
    outcome = entry.outcome
    return EvaluationEntry(
        index=entry.index,
        phase=entry.phase,
        kind=entry.kind,
        high=entry.high_count,
        cost=entry.cost,
        accepted=outcome.accepted if outcome.status == "measured" else None,
        margin=outcome.margin,
        metrics=outcome.metrics,
        best=entry.best,
        failure=outcome.failure,
        why=outcome.why,
        not_honoured=outcome.unheeded,
    )


def source_name(data: Iterable[Sample]) -> str:
    """How a report calls ``data``; empty for samples that came from no file."""
    return Path(data.source).name if isinstance(data, Dataset) else ""

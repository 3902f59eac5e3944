"""Samples held out from a search have the last word, and what was measured is written down as it was."""

from __future__ import annotations

import math

import pytest
from held_out_searcher import Picky
from planted import dataset, pictures, rows
from simulated_oracle import chain

from trtflow.plan import PrecisionPlan
from trtflow.search.ledger import Evaluation
from trtflow.search.oracle import FAILED, Outcome
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.searching import (
    NONE_HOLDS,
    evaluation_entries,
    made_by,
    reporter,
    search_and_verify,
    source_name,
)

EIGHT = tuple(range(8))
SEEN, HELD = (0, 1, 2, 4, 5, 6), (3, 7)  # a quarter of eight: every fourth


def kept(plan: PrecisionPlan) -> list[str]:
    return sorted(plan.nodes)


@pytest.mark.parametrize(
    ("needs", "plan", "held_out", "searched", "said"),
    [
        ({0: ["n1"]}, ["n1"], 2, [SEEN], []),
        ({0: ["n1"], 3: ["n1"]}, ["n1"], 2, [SEEN], []),
        ({0: ["n1"], 7: ["n0", "n1", "n2", "n3"]}, ["n0", "n1", "n2", "n3"], 0, [SEEN, EIGHT], [NONE_HOLDS]),
    ],
    ids=["unseen samples ask for less", "for the same", "for what no plan has"],
)
def test_a_plan_counts_when_samples_that_it_has_not_seen_accept_it(
    needs: dict[int, list[str]], plan: list[str], held_out: int, searched: list[tuple[int, ...]], said: list[str]
) -> None:
    searcher, lines = Picky(needs), list[str]()
    found, chosen, count = search_and_verify(searcher, 8, 0.25, lines.append)
    assert (kept(found.plan), found.accepted, count) == (plan, True, held_out)
    assert searcher.searched == searched
    assert searcher.verified == [HELD]
    assert chosen == searched[-1]
    assert [line for line in lines if line == NONE_HOLDS] == said


def test_a_dearer_plan_from_the_way_there_is_taken_where_the_cheapest_is_refused() -> None:
    suspected = chain(4, priors={"n1": math.inf, "n2": math.inf})
    searcher, lines = Picky({0: ["n1"], 3: ["n1", "n2"]}, suspected), list[str]()
    found, chosen, count = search_and_verify(searcher, 8, 0.25, lines.append)
    assert kept(found.plan) == ["n1", "n2"]
    assert (found.accepted, found.minimal, chosen, count) == (True, False, SEEN, 2)
    assert lines == [f"held-out samples: {found.reason}"]
    assert "hold on held-out samples too" in found.reason


@pytest.mark.parametrize(
    ("total", "share"), [(8, 0.0), (3, 0.5), (1, 0.25)], ids=["nothing to hold out", "three samples", "one"]
)
def test_where_nothing_is_held_out_all_samples_search(total: int, share: float) -> None:
    searcher = Picky({0: ["n1"]})
    found, chosen, count = search_and_verify(searcher, total, share, lambda line: None)
    assert (kept(found.plan), chosen, count) == (["n1"], tuple(range(total)), 0)
    assert searcher.verified == []


def test_a_search_that_found_nothing_is_not_verified() -> None:
    searcher = Picky({0: ["nobody's"]})
    found, chosen, count = search_and_verify(searcher, 8, 0.25, lambda line: None)
    assert (found.accepted, chosen, count) == (False, SEEN, 2)
    assert searcher.verified == []


def entry(outcome: Outcome, **changes: object) -> Evaluation:
    plan = chain(4).plan(["n1"])
    return Evaluation(
        **{"index": 3, "phase": "shrink", "high_count": 1, "cost": 0.25, "outcome": outcome, "plan": plan, **changes}
    )


OUTCOMES = {
    "accepted": (Outcome(True, 0.5, 0.01, {"sqnr": 40.0}, seconds=1.234), True, "accepted, margin 0.5 (1.23 s)"),
    "refused": (Outcome(False, -math.inf, math.inf, {"sqnr": -math.inf}), False, "refused, margin -inf (0.00 s)"),
    "reused": (Outcome(True, 0.25, 0.01, reused=True, seconds=9.0), True, "accepted, margin 0.25 (reused)"),
    "not built": (FAILED, None, "failed, margin -inf (0.00 s)"),
}


@pytest.mark.parametrize(("outcome", "accepted", "text"), OUTCOMES.values(), ids=OUTCOMES)
def test_an_evaluation_is_told_as_it_is_made(outcome: Outcome, accepted: bool | None, text: str) -> None:
    done: list[tuple[int, int | None, str]] = []
    lines: list[str] = []
    report = reporter(Hooks(lambda *told: done.append(told), lines.append))
    for kind in ("full", "probe", "build", "full"):
        report(entry(outcome, kind=kind))
    told = f"shrink: 1 high, {text}"
    assert lines == [told, f"probe, {told}", f"build, {told}", told]
    assert [line for _, _, line in done] == [line.rsplit(" (", 1)[0] for line in lines]
    assert [count for count, _, _ in done] == [1, 1, 1, 2]


@pytest.mark.parametrize(("outcome", "accepted", "text"), OUTCOMES.values(), ids=OUTCOMES)
def test_an_evaluation_is_written_as_it_was(outcome: Outcome, accepted: bool | None, text: str) -> None:
    first, second = evaluation_entries([entry(outcome, best=True), entry(outcome, kind="probe", index=4)])
    assert (first.index, first.phase, first.kind, first.high, first.cost) == (3, "shrink", "full", 1, 0.25)
    assert (first.accepted, first.margin, first.metrics) == (accepted, outcome.margin, outcome.metrics)
    assert (first.best, second.best, second.kind, second.index) == (True, False, "probe", 4)


def test_a_document_says_what_measured_and_on_which_data() -> None:
    assert made_by().keys() == {"trtflow", "onnxruntime", "onnx", "runner"}
    assert made_by()["runner"] == "emulated"
    assert source_name(dataset(pictures(1, 1))) == "pictures.npz"
    assert source_name(rows(1)) == ""

"""Samples held out from a search have the last word, and what was measured is written down as it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from held_out_searcher import Picky
from planted import dataset, pictures, rows
from simulated_oracle import chain

from trtflow.errors import MetricError
from trtflow.plan import PrecisionPlan
from trtflow.search.ledger import Evaluation
from trtflow.search.oracle import FAILED, Oracle, Outcome
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.searching import (
    NONE_HOLDS,
    REFUSED,
    evaluation_entries,
    made_by,
    reporter,
    search_and_verify,
    source_name,
)

EIGHT, SIXTEEN = tuple(range(8)), tuple(range(16))
SEEN, HELD = (0, 1, 2, 4, 5, 6), (3, 7)  # a quarter of eight: every fourth
ASKED, FINAL = (3, 11), (7, 15)  # of sixteen, every other of these
SEARCHED = tuple(place for place in SIXTEEN if place not in ASKED + FINAL)
ALL_BUT_FINAL = tuple(place for place in SIXTEEN if place not in FINAL)
EVERY = ["n0", "n1", "n2", "n3"]


def kept(plan: PrecisionPlan) -> list[str]:
    return sorted(plan.nodes)


@pytest.mark.parametrize(
    ("needs", "plan", "unseen", "searched", "said"),
    [
        ({0: ["n1"]}, ["n1"], HELD, [SEEN], []),
        ({0: ["n1"], 3: ["n1"]}, ["n1"], HELD, [SEEN], []),
        ({0: ["n1"], 7: EVERY}, EVERY, (), [SEEN, EIGHT], [REFUSED]),
    ],
    ids=["unseen samples ask for less", "for the same", "for what no plan has"],
)
def test_few_held_out_samples_judge_one_plan_and_select_none(
    needs: dict[int, list[str]],
    plan: list[str],
    unseen: tuple[int, ...],
    searched: list[tuple[int, ...]],
    said: list[str],
) -> None:
    searcher, lines = Picky(needs), list[str]()
    verified = search_and_verify(searcher, 8, 0.25, lines.append)
    assert (kept(verified.found.plan), verified.found.accepted, verified.unseen) == (plan, True, unseen)
    assert (searcher.searched, searcher.verified, verified.chosen) == (searched, [HELD], searched[-1])
    assert lines == said


@pytest.mark.parametrize(
    ("needs", "plan", "unseen", "searched", "said"),
    [
        ({0: ["n1"]}, ["n1"], FINAL, [SEARCHED], []),
        ({0: ["n1"], 11: EVERY}, EVERY, FINAL, [SEARCHED, ALL_BUT_FINAL], [NONE_HOLDS]),
        ({0: ["n1"], 15: EVERY}, EVERY, (), [SEARCHED, SIXTEEN], [REFUSED]),
        (
            {0: ["n1"], 3: ["n2"], 7: ["n3"]},
            ["n1", "n2", "n3"],
            (),
            [SEARCHED, ALL_BUT_FINAL, SIXTEEN],
            [NONE_HOLDS, REFUSED],
        ),
    ],
    ids=["all agree", "those that select ask for more", "the final ones do", "both do"],
)
def test_of_many_held_out_samples_half_select_and_no_choice_sees_the_others(
    needs: dict[int, list[str]],
    plan: list[str],
    unseen: tuple[int, ...],
    searched: list[tuple[int, ...]],
    said: list[str],
) -> None:
    searcher, lines = Picky(needs), list[str]()
    verified = search_and_verify(searcher, 16, 0.25, lines.append)
    assert (kept(verified.found.plan), verified.found.accepted, verified.unseen) == (plan, True, unseen)
    assert (searcher.searched, searcher.verified) == (searched, [ASKED, FINAL])
    assert [line for line in lines if line in (NONE_HOLDS, REFUSED)] == said


def test_a_dearer_plan_from_the_way_there_is_taken_where_the_cheapest_is_refused() -> None:
    suspected = chain(4, priors={"n1": math.inf, "n2": math.inf})
    searcher, lines = Picky({0: ["n1"], 3: ["n1", "n2"]}, suspected), list[str]()
    verified = search_and_verify(searcher, 16, 0.25, lines.append)
    found = verified.found
    assert kept(found.plan) == ["n1", "n2"]
    assert (found.accepted, found.minimal, verified.chosen, verified.unseen) == (True, False, SEARCHED, FINAL)
    assert lines == [f"held-out samples: {found.reason}"]
    assert "hold on held-out samples too" in found.reason


@pytest.mark.parametrize(
    ("total", "share"), [(8, 0.0), (3, 0.5), (1, 0.25)], ids=["nothing to hold out", "three samples", "one"]
)
def test_where_nothing_is_held_out_all_samples_search(total: int, share: float) -> None:
    searcher = Picky({0: ["n1"]})
    verified = search_and_verify(searcher, total, share, lambda line: None)
    assert (kept(verified.found.plan), verified.chosen, verified.unseen) == (["n1"], tuple(range(total)), ())
    assert searcher.verified == []


def test_a_search_that_found_nothing_is_not_verified() -> None:
    searcher = Picky({0: ["nobody's"]})
    verified = search_and_verify(searcher, 16, 0.25, lambda line: None)
    assert (verified.found.accepted, verified.chosen, verified.unseen) == (False, SEARCHED, FINAL)
    assert searcher.verified == []


def test_samples_on_which_a_metric_cannot_tell_prove_nothing() -> None:
    @dataclass
    class Blank(Picky):
        """Its final samples have no foreground."""

        def unseen(self, chosen: Sequence[int]) -> Oracle:
            if tuple(chosen) == HELD:
                raise MetricError("no sample's label holds a foreground pixel")
            return super().unseen(chosen)

    verified = search_and_verify(Blank({0: ["n1"]}), 8, 0.25, lambda line: None)
    assert (verified.found.accepted, verified.chosen, verified.unseen) == (True, EIGHT, ())


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

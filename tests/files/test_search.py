"""What is read off a search: its state, its effort, and which nodes are kept for what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_fakes import search

from trtflow.files.outcomes import State
from trtflow.files.search import Because, EvaluationEntry, Saturation, Word

KEPT: dict[str, Word] = {"a": "needed", "b": "forced", "c": "constant", "d": "cheaper", "e": "unproven"}
UNSHOWN = Saturation(layers=3, nodes=("a",), unshown={"r": "Reciprocal"})
MENDED = Saturation(layers=3, nodes=("a",), mended={"t": "Tanh"})


def measured(kinds: list[str]) -> tuple[EvaluationEntry, ...]:
    """Evaluations of these kinds."""
    shared: dict[str, Any] = {"phase": "gallop", "high": 1, "cost": 0.1, "accepted": True, "margin": 0.0}
    return tuple(EvaluationEntry.model_validate({**shared, "index": i, "kind": kind}) for i, kind in enumerate(kinds))


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"accepted": True, "lowered": 1}, "accepted"),
        ({"accepted": True, "lowered": 0}, "nothing-gained"),
        ({"accepted": False, "lowered": 1}, "not-accepted"),
        ({"accepted": False, "lowered": 0}, "not-accepted"),
        ({"accepted": False, "missed": "iou is 0.5"}, "baseline-missed"),
        ({"accepted": True, "missed": "iou is 0.5"}, "baseline-missed"),
    ],
)
def test_the_state_is_the_worst_that_holds(changes: dict[str, Any], state: State) -> None:
    assert search().model_copy(update={"missed": "", **changes}).state == state


def test_nodes_without_a_choice_and_nodes_kept_for_their_casts_are_told_apart() -> None:
    found = search(because={node: Because(word=word, text="") for node, word in KEPT.items()})
    assert (found.forced, found.merged) == (("b", "c"), ("d",))


@pytest.mark.parametrize(
    ("kinds", "effort"),
    [
        ([], "nothing measured"),
        (["full"], "1 plan measured"),
        (["probe"], "1 probe measured"),
        (["full", "probe", "full", "probe"], "2 plans and 2 probes measured"),
        (["build"], "nothing measured"),
    ],
)
def test_the_effort_counts_plans_and_probes(kinds: list[str], effort: str) -> None:
    assert search(evaluations=measured(kinds)).effort == effort


@given(st.lists(st.sampled_from(["full", "probe", "build"]), max_size=12))
def test_every_evaluation_but_a_build_is_a_plan_or_a_probe(kinds: list[str]) -> None:
    found = search(evaluations=measured(kinds))
    assert found.measured + found.probes == len(kinds) - kinds.count("build")


@pytest.mark.parametrize(
    ("accepted", "inside", "refused"),
    [(False, UNSHOWN, True), (True, UNSHOWN, False), (False, MENDED, False), (False, None, False)],
)
def test_a_plan_is_refused_inside_only_where_an_infinity_is_not_shown_to_be_harmless(
    accepted: bool, inside: Saturation | None, refused: bool
) -> None:
    assert search(accepted=accepted, saturation=inside).refused_inside is refused

from __future__ import annotations

import contextlib
import math
import time

import pytest
from simulated_oracle import Simulated, chain, ledger_of, names

from trtflow.search.ledger import Books, Budget, Evaluation, Kind, Ledger, OutOfBudget


def diffuse(count: int = 4, **more: object) -> Simulated:
    """Each low node adds 0.4; two may be low."""
    problem = chain(count, {i: 1.0 + i for i in range(count)})
    return Simulated(problem, noise={f"n{i}": 0.4 for i in range(count)}, **more)  # type: ignore[arg-type]


def test_a_plan_is_measured_once_however_it_is_named() -> None:
    oracle = diffuse()
    ledger = ledger_of(oracle)
    first = ledger.measure(names(0, 1), "one")
    assert ledger.measure(oracle.problem.units[:2], "other") is first
    assert (len(oracle.asked), [entry.phase for entry in ledger.history]) == (1, ["one"])


def test_a_probe_and_a_full_pass_are_two_measurements() -> None:
    ledger = ledger_of(diffuse(share=0.25))
    ledger.measure(names(0), "a", "probe")
    ledger.measure(names(0), "b")
    assert [(entry.kind, entry.outcome.passes) for entry in ledger.history] == [("probe", 0.25), ("full", 1.0)]
    assert ledger.spent("full") == 1.25


def test_forced_nodes_are_part_of_every_plan() -> None:
    oracle = Simulated(chain(3, forced=names(1)))
    ledger = ledger_of(oracle)
    assert ledger.measure(frozenset(), "a") is ledger.measure(names(1), "b")
    assert ledger.history[0].high_count == 1


def test_each_measurement_is_told_and_the_best_so_far_marked() -> None:
    told: list[Evaluation] = []
    oracle = diffuse()
    ledger = Ledger(oracle.problem, oracle, Books(Budget(), told.append))
    for high in (names(), names(0, 1, 2, 3), names(2, 3), names(0, 3), names(0, 1), names(0, 1, 2)):
        ledger.measure(high, "search")
    assert told == ledger.history
    assert [(entry.index, entry.high_count, entry.outcome.accepted, entry.best) for entry in told] == [
        (0, 0, False, False),
        (1, 4, True, True),
        (2, 2, True, True),
        (3, 2, True, True),
        (4, 2, True, True),
        (5, 3, True, False),
    ]
    assert ledger.best == names(0, 1)


def test_a_probe_is_never_the_best_plan() -> None:
    ledger = ledger_of(diffuse())
    ledger.measure(names(0, 1), "survey", "probe")
    assert ledger.best is None


@pytest.mark.parametrize(
    ("budget", "affordable"),
    [(Budget(), 9), (Budget(evaluations=3), 3), (Budget(builds=2), 9), (Budget(seconds=60.0), 9)],
)
def test_full_passes_stop_at_their_budget(budget: Budget, affordable: int) -> None:
    ledger = ledger_of(Simulated(chain(9)), budget)
    with contextlib.suppress(OutOfBudget):
        for i in range(9):
            ledger.measure(names(i), "search")
    assert len(ledger.history) == affordable


def test_probes_count_by_the_samples_they_use() -> None:
    ledger = ledger_of(diffuse(9, share=0.5), Budget(evaluations=2))
    for i in range(4):
        ledger.measure(names(i), "search", "probe")
    with pytest.raises(OutOfBudget):
        ledger.measure(names(5), "search", "probe")


def test_builds_are_counted_apart() -> None:
    oracle = diffuse()
    books = Books(Budget(builds=1), lambda _: None)
    emulated, engine = Ledger(oracle.problem, oracle, books), Ledger(oracle.problem, oracle, books, "build")
    emulated.measure(names(0), "search")
    engine.measure(names(0), "search")
    assert (engine.spent("build"), engine.spent("full")) == (1, 1.0)
    with pytest.raises(OutOfBudget):
        engine.measure(names(1), "search")
    assert emulated.measure(names(1), "search").accepted is False


def test_the_ends_and_what_is_known_cost_nothing_of_a_spent_budget() -> None:
    ledger = ledger_of(diffuse(), Budget(evaluations=1))
    known = ledger.measure(names(0), "search")
    assert ledger.measure(names(0), "search") is known
    assert ledger.measure(names(), "ends").accepted is False


def test_seconds_are_a_budget_too() -> None:
    oracle = diffuse()
    books = Books(Budget(seconds=5.0), lambda _: None, start=time.monotonic() - 5.0)
    with pytest.raises(OutOfBudget):
        Ledger(oracle.problem, oracle, books).measure(names(0), "search")


@pytest.mark.parametrize(
    ("share", "conflicts", "asked"),
    [
        (0.25, [names(1)], ["full", "probe"]),  # a NaN in the probe is a NaN in the whole
        (0.75, [names(1)], ["full", "probe", "full"]),  # found out to be dear: asked no more
        (0.25, [], ["full", "full"]),  # nothing that is not finite is to be expected
    ],
)
def test_a_doubtful_plan_is_probed_first_where_that_is_cheap_and_telling(
    share: float, conflicts: list[frozenset[str]], asked: list[str]
) -> None:
    oracle = diffuse(4, conflicts=conflicts, share=share)
    ledger = ledger_of(oracle)
    ledger.measure(names(), "ends")
    assert not ledger.accepts(names(0), "shrink", doubtful=True)
    if share > 0.5:
        assert not ledger.accepts(names(2), "shrink", doubtful=True)
        assert [entry.kind for entry in ledger.history] == [*asked[:2], "full"]
    else:
        assert [entry.kind for entry in ledger.history] == asked


def test_a_doubtful_plan_that_the_probe_lets_pass_is_measured_in_full() -> None:
    ledger = ledger_of(diffuse(4, conflicts=[names(1)], share=0.25))
    ledger.measure(names(), "ends")
    assert ledger.accepts(names(0, 1), "shrink", doubtful=True)
    assert [entry.kind for entry in ledger.history] == ["full", "probe", "full"]


@pytest.mark.parametrize(
    ("kind", "high", "possible"),
    [
        (None, (0,), True),  # nothing is known
        ("full", (0, 1), True),
        ("full", (0,), False),
        ("probe", (0, 2), False),  # n1 low alone is not finite
        ("probe", (0,), False),
        ("probe", (1,), True),  # refused by a probe, but finite: the whole may differ
    ],
)
def test_a_plan_could_pass_unless_a_measurement_says_otherwise(
    kind: Kind | None, high: tuple[int, ...], possible: bool
) -> None:
    conflict = [names(1)] if kind == "probe" else []
    oracle = diffuse(4, conflicts=conflict)
    ledger = ledger_of(oracle)
    units = [oracle.problem.units[i] for i in high]
    if kind:
        ledger.measure(units, "search", kind)
    assert ledger.could_pass(units) == possible


def test_a_build_that_failed_says_nothing_of_accuracy() -> None:
    oracle = diffuse(4, fails=lambda low: True)
    ledger = ledger_of(oracle)
    ledger.measure(names(0), "search")
    ledger.measure(names(0), "search", "probe")
    assert ledger.could_pass(oracle.problem.units[:1])
    assert ledger.tolerance() == (0.0, math.inf)
    assert ledger.alone_errors() == {}


def test_the_tolerance_lies_between_what_was_accepted_and_what_was_refused() -> None:
    ledger = ledger_of(diffuse())
    assert ledger.tolerance() == (0.0, math.inf)
    for high in (names(0), names(0, 1, 2), names(0, 1), names()):
        ledger.measure(high, "search")
    assert ledger.tolerance() == (pytest.approx(0.8), pytest.approx(1.2))


def test_the_error_of_a_node_is_that_of_the_smallest_low_set_with_it() -> None:
    ledger = ledger_of(diffuse())
    ledger.measure(names(), "ends")
    ledger.measure(names(2, 3), "survey", "probe")
    ledger.measure(names(1, 2, 3), "survey", "probe")
    assert ledger.alone_errors() == {
        "n0": pytest.approx(0.4),
        "n1": pytest.approx(0.8),
        "n2": pytest.approx(1.6),
        "n3": pytest.approx(1.6),
    }

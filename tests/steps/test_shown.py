"""Tables for the terminal: what is kept, where the work runs, what deviates, what was checked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from decisions import decision
from report_fakes import eight_bits, few_layers, layers, nodes, search

from trtflow.files.checks import Check
from trtflow.files.exports.decision import Decision
from trtflow.files.search import Because, Side
from trtflow.files.statistics import Statistics
from trtflow.numerics.record import Figures
from trtflow.plan import PrecisionPlan
from trtflow.steps.shown import (
    SHOWN,
    WORST,
    checks_made,
    deviating_layers,
    deviation,
    exceptions,
    kept_nodes,
    multiply_adds,
    refusal,
    sides,
)
from trtflow.tasks.searching import Decided
from trtflow.text import percent

MANY = nodes(60, range(30))


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (SHOWN, SHOWN), (30, SHOWN)])
def test_the_first_twenty_kept_nodes_are_shown_with_their_share_and_why(count: int, rows: int) -> None:
    kept = MANY[:count]
    plan = PrecisionPlan("fp16", dict.fromkeys(kept, "fp32"))
    why = dict.fromkeys(kept, Because(word="constant", text="1e9 is too large"))
    table = kept_nodes(Decided(plan, search(kept=kept, because=why, node_costs=dict.fromkeys(kept, 0.0123))))
    assert table is not None
    assert table.rows == tuple((node, "fp32", "1.2%", "forced: 1e9 is too large") for node in kept[:rows])


def test_no_kept_node_is_no_table() -> None:
    assert kept_nodes(Decided(PrecisionPlan("fp16"), search(kept=(), because={}, node_costs={}))) is None


@pytest.mark.parametrize(
    ("decided", "said"),
    [
        (decision(), "fp16 everywhere"),
        (decision("a"), "fp16 except 1 node in fp32"),
        (decision("a", b="int8", c="int8"), "fp16 except 1 node in fp32, 2 nodes in int8"),
    ],
)
def test_a_decision_is_its_default_and_how_many_nodes_differ(decided: Decision, said: str) -> None:
    assert exceptions(decided.constraints) == said


def test_the_sides_that_were_measured_have_plain_names() -> None:
    figures: dict[Side, float | None] = {"reference": 1.0, "naive": 0.25, "low": None, "candidate": 0.98765}
    assert sides(figures) == "FP32 1, naive 0.25, mixed 0.9877"


def test_what_stays_in_floating_point_has_its_reason_and_the_parts_add_up() -> None:
    bits = eight_bits()
    table = multiply_adds(bits, "int8")
    assert [row[0] for row in table.rows] == [entry.node for entry in bits.left]
    assert str(table.rows[0][3]).startswith(f"{bits.left[0].why.code}: ")
    assert table.title.startswith(f"of the multiply-adds: {percent(bits.share)} in int8, ")


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([0.0], "0 of 1 layer deviate by more than 10 % (1 sample)"),
        ([0.0, 0.2], "1 of 2 layers deviates by more than 10 %, first at "),
        ([0.3, 0.2], "2 of 2 layers deviate by more than 10 %, first at "),
    ],
)
def test_how_many_layers_deviate_and_where_it_begins(shares: list[float], said: str) -> None:
    assert deviation(few_layers(differing_share=shares)).startswith(said)


def test_the_worst_layers_come_first_and_healthy_ones_are_left_out() -> None:
    shares = [0.05, 0.2, 0.9, 0.1, 0.11]
    table = deviating_layers(few_layers(differing_share=shares))
    assert table is not None
    assert [row[4] for row in table.rows] == ["90.0%", "20.0%", "11.0%"]
    assert deviating_layers(few_layers(differing_share=[0.1, 0.0])) is None
    longest = deviating_layers(few_layers(differing_share=[0.5] * 30))
    assert longest is not None
    assert len(longest.rows) == WORST


CHECKS = [
    Check("R17", "x", "refuse", "scaled differently"),
    Check("R18", "samples", "warn", "few"),
    Check("R23", "names", "refuse", "another model"),
    Check("R17", "z", "refuse", "noise"),
]


def test_each_check_has_its_verdict_in_words() -> None:
    assert [row[2] for row in checks_made(CHECKS).rows] == ["REFUSED", "warning", "REFUSED", "REFUSED"]


@pytest.mark.parametrize(
    ("refused", "text"),
    [
        ([], ""),
        (CHECKS[:1], "R17 x: scaled differently. To go on all the same: allow: [R17] among the options of this step"),
        (CHECKS[2:], "R23 names: another model; R17 z: noise. To go on all the same: allow: [R23,R17] among"),
        (
            [CHECKS[0], CHECKS[3]],
            "R17 x: scaled differently; R17 z: noise. To go on all the same: allow: [R17] among",
        ),
    ],
    ids=["nothing", "one", "two codes", "one code twice"],
)
def test_a_refusal_says_how_to_go_on_all_the_same(refused: list[Check], text: str) -> None:
    said = refusal(refused)
    assert said.startswith(text)
    assert bool(said) == bool(text)


def test_layers_are_shown_by_their_worst_sample_and_with_its_number() -> None:
    found = layers(3)
    ninth = Figures(count=120, differing=10, differing_share=1 / 12, worst_sample=8, worst_differing_share=1.0)
    steady = replace(ninth, differing=24, differing_share=0.2, worst_sample=3, worst_differing_share=0.25)
    figures = dict(zip((layer.tensor for layer in found), (Figures(), steady, ninth), strict=True))
    table = deviating_layers(Statistics(samples=12, rounding="tensor", layers=found, candidates={"fp16": figures}))
    assert table is not None
    assert table.columns[-3:] == ("ratio", "worst", "on sample")
    assert [row[0] for row in table.rows] == [found[2].node, found[1].node]
    assert [row[2:] for row in table.rows] == [(10, 120, "8.3%", "100%", 8), (24, 120, "20.0%", "25.0%", 3)]


def test_nothing_is_shown_where_no_layer_deviates() -> None:
    assert deviating_layers(few_layers(differing_share=[0.1, 0.0])) is None

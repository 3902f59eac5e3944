"""What is harmless about an infinity, reading by reading, and which nodes end one that is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trtflow.diagnosis.saturation import DROPS, OUTPUT, SATURATES, Inside, Reading, culprits

PASSES = Reading("a", "cube", "sqrt", "Sqrt", goes_on=True)
LOSES = Reading("b", "sqrt", "rsqrt", "Reciprocal", lost=True, agrees=False)


def inside(*readings: Reading, tensors: str = "", beyond: str = "") -> Inside:
    order = tuple(dict.fromkeys(name for reading in readings for name in (reading.source, reading.node) if name))
    return Inside(order, frozenset(tensors.split()), frozenset(beyond.split()), readings)


@pytest.mark.parametrize(
    ("op", "nan", "agrees", "harmless"),
    [
        ("Tanh", False, True, True),
        ("Tanh", False, False, False),
        ("Tanh", True, True, False),
        ("Where", False, True, True),
        ("Where", True, True, True),
        ("Where", True, False, False),
        ("Div", False, True, False),
        ("Reciprocal", False, True, False),
        ("Conv", False, True, False),
        (OUTPUT, False, True, False),
    ],
)
def test_what_is_lost_must_have_a_limit_or_be_dropped_and_agree(
    op: str, nan: bool, agrees: bool, harmless: bool
) -> None:
    assert Reading("a", "cube", "n", op, lost=True, nan=nan, agrees=agrees).harmless == harmless


def test_what_goes_on_is_judged_where_it_ends() -> None:
    assert PASSES.harmless
    found = inside(PASSES, LOSES, tensors="a b")
    assert (found.unshown, found.mended) == ((LOSES,), ())


def test_no_operator_both_drops_and_saturates() -> None:
    assert DROPS.isdisjoint(SATURATES)


def test_nodes_are_those_that_write_infinities_or_make_them_of_what_they_read() -> None:
    reads = Reading("big", "up", "mask", "Softmax", overflows=True, lost=True)
    assert inside(PASSES, LOSES, reads, tensors="a b").nodes == ("cube", "sqrt", "mask")


def test_nothing_is_to_blame_where_all_is_harmless() -> None:
    assert culprits(inside(PASSES, replace(LOSES, op="Tanh", agrees=True), tensors="a b", beyond="a")) == frozenset()


@pytest.mark.parametrize(
    ("beyond", "blamed"),
    [
        ("", {"cube"}),  # its own inputs made it infinite: better ones mend it
        ("a", {"cube", "sqrt"}),  # FP32's values are as large: who reads them must not round them either
        ("a b", {"cube", "sqrt", "rsqrt"}),
    ],
)
def test_the_origin_is_to_blame_and_all_that_touch_what_the_format_cannot_hold(beyond: str, blamed: set[str]) -> None:
    assert culprits(inside(PASSES, LOSES, tensors="a b", beyond=beyond)) == blamed


def test_a_reader_that_saturates_need_not_be_high() -> None:
    beside = Reading("a", "cube", "tanh", "Tanh", lost=True)
    assert culprits(inside(PASSES, LOSES, beside, tensors="a b", beyond="a")) == {"cube", "sqrt"}


def test_who_rounds_what_it_reads_is_to_blame_for_that() -> None:
    reads = Reading("big", "up", "rsqrt", "Reciprocal", overflows=True, lost=True)
    assert culprits(inside(reads)) == {"rsqrt"}
    sqrt = Reading("big", "up", "sqrt", "Sqrt", overflows=True, goes_on=True)
    assert culprits(inside(sqrt, LOSES, tensors="b")) == {"sqrt"}


def test_the_end_of_the_network_leads_back_to_the_origin() -> None:
    found = inside(PASSES, Reading("b", "sqrt", "", OUTPUT, lost=True), tensors="a b")
    assert culprits(found) == {"cube"}

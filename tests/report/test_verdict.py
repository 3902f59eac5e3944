"""The verdict says how many nodes stay high, or how much runs in eight bits, and the figures."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from report_fakes import eight_bits, search

from trtflow.files.outcomes import ModelFacts, VerdictDocument
from trtflow.numerics.accept import Kind
from trtflow.report.verdict import metric_rows, run_verdict

FACTS = ModelFacts(candidates=60)
SIDES = {"reference": {"iou": 0.98}, "low": {"iou": 0.0}, "candidate": {"iou": 0.5}}
INT8 = search(low="int8", eight_bits=eight_bits(), metrics={**SIDES, "naive": {"iou": 0.4}, "low": {"iou": 0.6}})


def _judged(
    accept: Mapping[str, Mapping[Kind, float]] | None = None, *, accepted: bool = True, **margins: float
) -> VerdictDocument:
    return VerdictDocument(
        accepted=accepted,
        samples=4,
        reference={"iou": 0.98, "sqnr": math.inf},
        candidate={"iou": 0.97, "sqnr": 40.0},
        margins=margins,
        accept={"iou": {"drop": 0.02}} if accept is None else accept,
        proven=accepted,
    )


@pytest.mark.parametrize(
    ("kept", "accepted", "sentence"),
    [
        (("n",), True, "Accepted: 1 of 60 nodes stays in FP32; iou 0.97 (FP32 0.98, FP16 0)."),
        (("m", "n"), False, "Not accepted: 2 of 60 nodes stay in FP32; iou 0.97 (FP32 0.98, FP16 0)."),
        ((), True, "Accepted: all 60 nodes take the low precision; iou 0.97 (FP32 0.98, FP16 0)."),
    ],
)
def test_the_sentence_counts_what_stays_high(kept: tuple[str, ...], accepted: bool, sentence: str) -> None:
    found = run_verdict(FACTS, search(kept=kept, metrics=SIDES), _judged(accepted=accepted))
    assert (found.accepted, found.sentence) == (accepted, sentence)


def test_a_single_node_is_not_counted() -> None:
    alone = FACTS.model_copy(update={"candidates": 1})
    sentence = run_verdict(alone, search(kept=(), metrics=SIDES), _judged()).sentence
    assert sentence.startswith("Accepted: its only node takes the low precision;")


@pytest.mark.parametrize(
    ("accepted", "emulated", "begin", "end"),
    [
        (True, True, "Accepted on cuda: ", " The emulator accepts it."),
        (False, True, "Not accepted on cuda: ", " The emulator accepts it."),
        (True, False, "Accepted on cuda: ", " The emulator refuses it."),
    ],
)
def test_where_an_engine_decided_the_emulators_verdict_stands_beside_it(
    accepted: bool, emulated: bool, begin: str, end: str
) -> None:
    judged = _judged(accepted=accepted).model_copy(update={"runner": "cuda", "emulated": emulated})
    sentence = run_verdict(FACTS, search(metrics=SIDES), judged).sentence
    assert (sentence[: len(begin)], sentence[-len(end) :]) == (begin, end)


@pytest.mark.parametrize(
    ("quantized", "decision"),
    [
        (("q",), "1 node, 98% of the multiply-adds, runs in INT8"),
        (("p", "q"), "2 nodes, 98% of the multiply-adds, run in INT8"),
    ],
)
def test_with_eight_bits_it_says_how_much_runs_in_them(quantized: tuple[str, ...], decision: str) -> None:
    bits = eight_bits().model_copy(update={"quantized": quantized})
    found = run_verdict(FACTS, INT8.model_copy(update={"eight_bits": bits}), _judged())
    assert found.sentence == f"Accepted: {decision}; iou 0.97 (FP32 0.98, INT8 naive 0.4, INT8 tuned 0.6)."


def test_a_file_that_was_judged_without_a_search_is_told_by_its_figures() -> None:
    found = run_verdict(FACTS, None, _judged())
    assert found.sentence == "Accepted: all 60 nodes take the low precision; iou 0.97 (FP32 0.98)."


@pytest.mark.parametrize(
    ("kind", "bound", "words", "absolute"),
    [
        ("drop", 0.02, "drop at most 0.02", 0.01),
        ("rise", 0.02, "rise at most 0.02", 0.01),
        ("min", 0.9, "at least 0.9", 0.45),
        ("max", -2.0, "at most -2", 1.0),
        ("drop", 0.0, "drop at most 0", 0.5),
    ],
)
def test_a_condition_is_in_words_and_its_margin_in_units_of_the_metric(
    kind: Kind, bound: float, words: str, absolute: float
) -> None:
    row = next(metric_rows(search(metrics=SIDES), _judged({"iou": {kind: bound}}, **{f"iou.{kind}": 0.5})))
    assert (row.bound, row.margin) == (words, pytest.approx(absolute))


def test_a_metric_without_a_condition_is_reported_only() -> None:
    first, second = metric_rows(search(metrics=SIDES), _judged())
    assert (first.metric, second.metric, second.bound, second.margin) == ("iou", "sqnr", "", None)
    assert (second.reference, second.low, second.candidate) == (math.inf, None, 40.0)


def test_what_was_validated_goes_before_what_the_search_measured() -> None:
    (searched,) = metric_rows(search(metrics=SIDES), None)
    validated = next(metric_rows(search(metrics=SIDES), _judged()))
    assert (searched.candidate, searched.bound) == (0.5, "drop at most 0.005")
    (bounded,) = metric_rows(search(metrics=SIDES, accept={"iou": {"min": 0.9}}), None)
    assert (bounded.bound, bounded.margin) == ("at least 0.9", None)
    assert (validated.reference, validated.low, validated.candidate) == (0.98, 0.0, 0.97)


def test_only_a_search_over_eight_bits_has_a_naive_figure() -> None:
    figures = [next(metric_rows(entry, _judged())).naive for entry in (search(metrics=SIDES), INT8)]
    assert figures == [None, 0.4]


def test_a_row_names_the_part_that_was_the_worst() -> None:
    judged = _judged().model_copy(update={"decided_by": {"sqnr": "y (4 of axis 1, from score)"}})
    found = {row.metric: row.decided_by for row in metric_rows(None, judged)}
    assert found == {"iou": "", "sqnr": "y (4 of axis 1, from score)"}


def test_where_nothing_is_gained_no_file_has_a_figure() -> None:
    found = run_verdict(FACTS, search(metrics=SIDES, accept={"iou": {"min": 0.9}}, lowered=0), None)
    assert (found.state, [row.candidate for row in found.metrics]) == ("nothing-gained", [None])


def test_where_nothing_can_be_lowered_nothing_is_gained_whatever_was_refused() -> None:
    facts = ModelFacts(nothing="nothing in it can take a low precision: it has no node")
    found = run_verdict(facts, None, None, refused={"inspect": facts.nothing})
    assert (found.state, found.accepted, found.metrics) == ("nothing-gained", False, ())
    assert found.sentence == "Nothing gained: nothing in it can take a low precision: it has no node."
    assert run_verdict(facts, None, None, failed={"inspect": "broke"}).state == "failed"

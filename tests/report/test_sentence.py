"""One state and one sentence for a run, never better than what any of its steps says."""

from __future__ import annotations

from typing import Any

import pytest
from report_fakes import eight_bits, search

from trtflow.files.outcomes import HOLDS, ModelFacts, State, VerdictDocument
from trtflow.files.search import Because, Word
from trtflow.report.sentence import none_holds, run_state
from trtflow.report.verdict import run_verdict

MISSED = "accept.iou.min is 0.99 and FP32 itself has 0.95: no precision can meet it; lower the bound or use drop"
SIDES = {"reference": {"iou": 0.98}, "low": {"iou": 0.1}, "candidate": {"iou": 0.98}}
ACCEPT = {"iou": {"drop": 0.02}}
FOUND = search(metrics=SIDES, accept=ACCEPT)
WORTHLESS = FOUND.model_copy(update={"lowered": 0, "kept": tuple("abcd")})
HOPELESS = FOUND.model_copy(update={"accepted": False, "reason": "even everything in fp32 is not accepted"})
UNMET = FOUND.model_copy(update={"accepted": False, "missed": MISSED, "lowered": 0})
NO_BITS = eight_bits().model_copy(update={"quantized": (), "share": 0.0})
UNQUANTIZED = WORTHLESS.model_copy(update={"low": "int8", "eight_bits": NO_BITS})
GOOD = VerdictDocument(
    accepted=True,
    samples=4,
    reference={"iou": 0.98},
    candidate={"iou": 0.97},
    margins={"iou.drop": 0.5},
    accept=ACCEPT,
    proven=True,
)
UNPROVEN = GOOD.model_copy(update={"proven": False})
BAD = GOOD.model_copy(update={"accepted": False, "proven": False})
BROKE: dict[str, str] = {"build": "the rewrite\nbroke it."}
GATE: dict[str, str] = {"check": "R18 samples: few."}


@pytest.mark.parametrize(
    ("found", "judged", "failed", "refused", "state"),
    [
        (FOUND, GOOD, {}, {}, "accepted"),
        (None, GOOD, {}, {}, "accepted"),
        (FOUND, UNPROVEN, {}, {}, "not-proven"),
        (FOUND, BAD, {}, {"validate": "refused"}, "not-accepted"),
        (FOUND, GOOD, {}, GATE, "not-accepted"),
        (FOUND, None, {}, {}, "not-accepted"),
        (None, None, {}, {}, "not-accepted"),
        (HOPELESS, GOOD, {}, {}, "not-accepted"),
        (WORTHLESS, None, {}, {"constrain": "nothing gained"}, "nothing-gained"),
        (WORTHLESS, GOOD, {}, {}, "nothing-gained"),
        (UNMET, None, {}, {"bisect": MISSED}, "baseline-missed"),
        (FOUND, GOOD, BROKE, {}, "failed"),
        (UNMET, None, BROKE, GATE, "failed"),
    ],
)
def test_the_state_is_the_worst_that_any_step_says(
    found: Any, judged: Any, failed: dict[str, str], refused: dict[str, str], state: State
) -> None:
    assert run_state(found, judged, failed, refused) == state
    assert run_verdict(ModelFacts(), found, judged, failed, refused).accepted == (state in HOLDS)


FIGURES = "3 of 60 nodes stay in FP32; iou 0.97 (FP32 0.98, FP16 0.1)."
NONE = "holds for none of 4 nodes; iou 0.1 with everything in"
BOUND = "(drop at most 0.02, FP32 0.98)."


@pytest.mark.parametrize(
    ("found", "judged", "failed", "refused", "sentence"),
    [
        (FOUND, GOOD, {}, {}, f"Accepted: {FIGURES}"),
        (FOUND, UNPROVEN, {}, {}, f"Accepted, not proven (4 samples): {FIGURES}"),
        (FOUND, BAD, {}, {"validate": "x"}, f"Not accepted: {FIGURES}"),
        (FOUND, GOOD, {}, GATE, "Not accepted: check: R18 samples: few."),
        (HOPELESS, None, {}, {"constrain": "x"}, "Not accepted: even everything in fp32 is not accepted."),
        (None, None, {}, {}, "Not accepted: nothing was validated."),
        (WORTHLESS, None, {}, {"constrain": "x"}, f"Nothing gained: FP16 {NONE} FP16 {BOUND}"),
        (UNQUANTIZED, None, {}, {"constrain": "x"}, f"Nothing gained: INT8 {NONE} INT8 {BOUND}"),
        (UNMET, None, {}, {"bisect": MISSED}, f"Stopped at the baseline: {MISSED}."),
        (FOUND, GOOD, BROKE, {}, "Failed: build: the rewrite broke it."),
        (None, None, {"a": "x", "b": "y"}, {}, "Failed: a: x; b: y."),
    ],
)
def test_the_sentence_says_why(
    found: Any, judged: Any, failed: dict[str, str], refused: dict[str, str], sentence: str
) -> None:
    assert run_verdict(ModelFacts(candidates=60), found, judged, failed, refused).sentence == sentence


@pytest.mark.parametrize(
    ("floats", "said"),
    [
        (FOUND, " FP16 with 3 nodes in FP32 holds: debug-fp16 gives that file."),
        (FOUND.model_copy(update={"kept": ("a",)}), " FP16 with 1 node in FP32 holds: debug-fp16 gives that file."),
        (FOUND.model_copy(update={"kept": ()}), " FP16 alone holds: debug-fp16 gives that file."),
        (WORTHLESS, " FP16 does not help either."),
        (HOPELESS, ""),
    ],
)
def test_where_int8_gains_nothing_what_floating_point_reaches_is_named(floats: Any, said: str) -> None:
    sentence = run_verdict(ModelFacts(), UNQUANTIZED, None, {}, {"constrain": "x"}, floats).sentence
    assert sentence == f"Nothing gained: INT8 {NONE} INT8 {BOUND}{said}"


@pytest.mark.parametrize(
    ("kept", "said"),
    [((), "nothing in it can take FP16"), (("x",), "FP16 holds for none of 1 node")],
)
def test_a_model_without_candidates_is_told_from_one_that_suits_none(kept: tuple[str, ...], said: str) -> None:
    assert none_holds(WORTHLESS.model_copy(update={"kept": kept})) == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cheaper", "cheaper"), "FP16 is accurate enough, but Casts would cost more than it saves on 2 nodes"),
        (("constant", "forced"), "FP16 is open to none of 2 nodes: told of a"),
        (("cheaper", "forced"), "FP16 holds for none of 2 nodes"),
        (("needed", "needed"), "FP16 holds for none of 2 nodes"),
    ],
)
def test_what_is_too_dear_or_ruled_out_is_not_called_inaccurate(words: tuple[Word, Word], said: str) -> None:
    because = {name: Because(word=word, text=f"told of {name}") for name, word in zip("ab", words, strict=True)}
    assert none_holds(WORTHLESS.model_copy(update={"kept": ("a", "b"), "because": because})) == said

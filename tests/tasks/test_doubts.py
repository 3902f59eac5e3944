"""What an acceptance lacks, in words that stand alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from trtflow.files.proof import WorstSample
from trtflow.numerics.accept import Condition
from trtflow.numerics.confidence import Confidence
from trtflow.tasks.doubts import CALIBRATED, NOTHING_UNSEEN, Ground, doubts

SQNR, IOU, LOSS = Condition("sqnr", "min", 30), Condition("iou", "drop", 0.01), Condition("loss", "max", 2)
SURE = {one.name: Confidence(0.5, 0.25) for one in (SQNR, IOU, LOSS)}
GROUND = Ground(judging=3, unseen=True, distinct=12, calibrated=False, sure=SURE, worst={})
CLOSE, UNKNOWN = Confidence(0.1, -0.2, 40), Confidence(0.1, -math.inf)


def said(ground: Ground, *conditions: Condition) -> list[str]:
    return list(doubts(conditions or (SQNR,), ground))


def test_what_is_met_by_far_on_unseen_samples_leaves_no_doubt() -> None:
    assert said(GROUND, SQNR, IOU, LOSS) == []


@pytest.mark.parametrize(
    ("ground", "words"),
    [
        (replace(GROUND, unseen=False), [NOTHING_UNSEEN]),
        (replace(GROUND, calibrated=True), [CALIBRATED]),
        (replace(GROUND, distinct=7), ["only 7 different samples, where 8 are the very least (add others)"]),
        (
            replace(GROUND, distinct=1, unseen=False),
            ["only 1 different sample, none held out, where 8 are the very least (add others)"],
        ),
    ],
)
def test_samples_that_cannot_prove_are_one_doubt_each(ground: Ground, words: list[str]) -> None:
    assert said(ground) == words


@pytest.mark.parametrize(
    ("condition", "sure", "words"),
    [
        (
            SQNR,
            CLOSE,
            "sqnr is 33 dB on 3 unseen samples and may be 24 dB on others (95 % bound), where at least 30 dB is "
            "asked for (about 40 unseen samples would decide)",
        ),
        (
            IOU,
            replace(CLOSE, needed=None),
            "the drop of iou is 0.009 on 3 unseen samples and may be 0.012 on others (95 % bound), where at most "
            "0.01 is asked for",
        ),
        (
            LOSS,
            replace(CLOSE, needed=None),
            "loss is 1.8 on 3 unseen samples and may be 2.4 on others (95 % bound), where at most 2 is asked for",
        ),
        (IOU, UNKNOWN, "what iou comes to on other samples cannot be told from 3 unseen samples"),
    ],
)
def test_a_close_call_tells_what_was_found_what_may_be_and_what_is_asked_for(
    condition: Condition, sure: Confidence, words: str
) -> None:
    assert said(replace(GROUND, sure={condition.name: sure}), condition) == [words]


@pytest.mark.parametrize(
    ("condition", "value", "hides"), [(SQNR, 29.0, True), (SQNR, 31.0, False), (IOU, 0.0, False)]
)
def test_a_sample_that_misses_a_distance_alone_is_named(condition: Condition, value: float, hides: bool) -> None:
    ground = replace(GROUND, worst={condition.metric: WorstSample(value=value, sample=4)})
    assert said(ground, condition) == (
        ["sample 4 alone has sqnr 29, which misses the condition and hides among the others"] if hides else []
    )

"""An acceptance is proven by samples that no choice saw, where they differ by less than it is met by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_fakes import search

from trtflow.data import Sample
from trtflow.files.outcomes import VerdictDocument
from trtflow.files.proof import Proof
from trtflow.files.search import SearchDocument
from trtflow.numerics.accept import Accept
from trtflow.runners.evaluate import Evaluator, UserMetric
from trtflow.runners.outputs import Kept
from trtflow.runners.reference import ReferenceRunner
from trtflow.tasks.documents import Documents
from trtflow.tasks.judge import Conditions
from trtflow.tasks.proof import proof_marks, prove

AT_30: Conditions = {"sqnr": {"min": 30.0}}
LEFT = search(unseen=(3, 7, 11))


def samples(count: int) -> list[Sample]:
    return [Sample({"x": np.full((1, 4), 1 + index, np.float32)}, label=index) for index in range(count)]


def off_by(decibels: Sequence[float], evaluator: Evaluator) -> Kept:
    """Outputs that have this SQNR on each sample."""
    return Kept(
        {"y": expected["y"] * (1 + 10 ** (-level / 20))}
        for level, expected in zip(decibels, evaluator.expected, strict=True)
    )


Judged = Callable[..., Proof]


@pytest.fixture
def judged(overflowing: onnx.ModelProto) -> Judged:
    """The proof of outputs with given SQNRs on as many samples."""

    def judge(
        decibels: Sequence[float],
        searches: Sequence[SearchDocument] = (LEFT,),
        accept: Conditions = AT_30,
        metric: UserMetric | None = None,
        data: Sequence[Sample] | None = None,
        **options: Any,
    ) -> Proof:
        evaluator = Evaluator(ReferenceRunner(overflowing), data or samples(len(decibels)), accept, metric)
        outputs = off_by(decibels, evaluator)
        verdict = evaluator.judge(evaluator.score(outputs, range(len(outputs))))
        return prove(evaluator, outputs, searches, accepted=verdict.accepted, **options)

    return judge


ALIKE = [40 + 0.1 * (index % 3) for index in range(11)] + [39.9]


def test_samples_that_are_alike_prove_what_they_meet_by_far(judged: Judged) -> None:
    found = judged(ALIKE)
    assert (found.accepted, found.proven, found.why_not_proven, found.deciding_samples) == (True, True, "", None)
    assert found.unseen is not None
    assert (found.unseen.places, found.unseen.accepted) == ((3, 7, 11), True)
    assert 0 < found.bounds["sqnr.min"] < found.unseen.margins["sqnr.min"]
    assert found.worst.keys() == {"sqnr"}
    assert (found.worst["sqnr"].value, found.worst["sqnr"].sample) == (pytest.approx(39.9, abs=1e-3), 11)


def test_a_condition_that_unseen_samples_meet_by_less_than_they_differ_is_not_proven(judged: Judged) -> None:
    found = judged([33.0] * 3 + [31.0] + [33.0] * 3 + [36.0] + [33.0] * 3 + [30.3])
    assert (found.accepted, found.proven) == (True, False)
    assert found.unseen is not None
    assert found.bounds["sqnr.min"] < 0
    assert found.deciding_samples is not None
    assert 3 < found.deciding_samples < 100
    assert found.why_not_proven == (
        f"sqnr is {found.unseen.candidate['sqnr']:.4g} dB on 3 unseen samples and may be "
        f"{30 * (1 + found.bounds['sqnr.min']):.4g} dB on others (95 % bound), where at least 30 dB is asked for "
        f"(about {found.deciding_samples} unseen samples would decide)"
    )


def test_what_unseen_samples_refuse_is_not_accepted_however_good_the_others_are(judged: Judged) -> None:
    found = judged([50.0, 50.0, 50.0, 29.0] * 3)
    assert judged([50.0, 50.0, 50.0, 29.0] * 3, searches=()).accepted
    assert found.unseen is not None
    assert (found.accepted, found.unseen.accepted, found.proven, found.why_not_proven) == (False, False, False, "")


UNHELD, CALIBRATED = "nothing was held out", "the samples that judge chose the ranges, too"
FEW, ALONE = (
    "only 7 different samples, where 8 are the very least",
    "sample 0 alone has sqnr 29, which misses the condition",
)
DOUBTS = {UNHELD, CALIBRATED, FEW, ALONE, "on others", "on other samples"}


@pytest.mark.parametrize(
    ("decibels", "options", "said"),
    [
        (ALIKE, {"searches": ()}, UNHELD),
        (ALIKE, {"searches": (LEFT, search(unseen=()))}, UNHELD),
        (ALIKE, {"calibrated": True}, CALIBRATED),
        (ALIKE[:7], {"searches": (search(unseen=(3, 5)),)}, FEW),
        (ALIKE[:7], {"searches": ()}, "only 7 different samples, none held out, where 8"),
        ([29.0, *ALIKE[1:]], {}, ALONE),
    ],
    ids=[
        "no search tells",
        "one search saw all",
        "they calibrated",
        "there are few",
        "few, all seen",
        "one sample misses it",
    ],
)
def test_each_doubt_alone_keeps_an_acceptance_from_being_proven(
    decibels: list[float], options: dict[str, Any], said: str, judged: Judged
) -> None:
    found = judged(decibels, **options)
    assert (found.accepted, found.proven) == (True, False)
    assert found.why_not_proven.startswith(said)
    assert not any(other in found.why_not_proven for other in DOUBTS - {said})


def test_only_what_every_search_left_is_unseen(judged: Judged) -> None:
    found = judged(ALIKE, searches=(LEFT, search(unseen=(1, 3, 11))))
    assert found.unseen is not None
    assert found.unseen.places == (3, 11)


def test_a_sample_that_repeats_one_that_was_seen_is_not_unseen(judged: Judged) -> None:
    data = samples(12)
    data[7] = data[2]
    found = judged(ALIKE, data=data)
    assert found.unseen is not None
    assert found.unseen.places == (3, 11)


def hits(outputs: Sequence[Mapping[str, Any]], labels: Sequence[Any]) -> dict[str, float]:
    """The share of outputs within 2 % of their label + 2."""
    right = [abs(output["y"].mean() / (label + 2) - 1) < 0.02 for output, label in zip(outputs, labels, strict=True)]
    return {"hits": float(np.mean(right))}


@pytest.mark.parametrize(("accept", "bound"), [({"hits": {"min": 0.9}}, 0.0), ({"hits": {"drop": 0.1}}, 1.0)])
def test_where_no_sample_differs_their_number_decides(accept: Conditions, bound: float, judged: Judged) -> None:
    found = judged(ALIKE, accept=accept, metric=hits)
    (condition,) = Accept.parse(accept, known=None).conditions
    assert condition.at(found.bounds[condition.name]) == pytest.approx(bound)
    assert (found.proven, found.deciding_samples, found.worst) == (False, 30, {})


def test_a_metric_that_cannot_tell_on_fewer_samples_proves_nothing(judged: Judged) -> None:
    def needs_three(outputs: Sequence[Mapping[str, Any]], labels: Sequence[Any]) -> dict[str, float]:
        assert len(outputs) >= 3
        return {"own": 1.0}

    found = judged(ALIKE, accept={"own": {"min": 0.5}}, metric=needs_three)
    assert (found.accepted, found.proven, found.bounds) == (True, False, {"own.min": -math.inf})
    assert found.why_not_proven == "what own comes to on other samples cannot be told from 3 unseen samples"


@given(st.lists(st.floats(20, 60), min_size=8, max_size=12))
def test_nothing_is_proven_that_is_not_accepted_and_held_by_each_sample(decibels: list[float]) -> None:
    evaluator = Evaluator(Plain(), samples(len(decibels)), AT_30)
    outputs = off_by(decibels, evaluator)
    accepted = evaluator.judge(evaluator.score(outputs, range(len(outputs)))).accepted
    found = prove(evaluator, outputs, [LEFT.model_copy(update={"unseen": (3, 7)})], accepted=accepted)
    assert not found.proven or (accepted and min(decibels) > 29.99 and found.bounds["sqnr.min"] >= 0)


class Plain:
    """y = x, without a session."""

    name = "plain"

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def __call__(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        return {"y": feed["x"].astype(np.float64)}


@pytest.mark.parametrize(("why", "marks"), [("it is close", ["not proven: it is close"]), ("", [])])
def test_a_mark_says_what_is_not_proven(why: str, marks: list[str]) -> None:
    verdict = VerdictDocument(
        accepted=True, samples=1, reference={}, candidate={}, margins={}, accept={}, why_not_proven=why
    )
    assert list(proof_marks(Documents(verdict=verdict))) == marks
    assert list(proof_marks(Documents())) == []

"""A row of the page tells how far its figure reaches."""

from __future__ import annotations

from typing import get_args

import pytest

from trtflow.files.proof import Proof, Unseen, WorstSample
from trtflow.numerics.accept import Condition, Kind
from trtflow.report.model import MetricRow
from trtflow.report.proof import with_proof

ROW = MetricRow("iou", 0.98, 0.1, 0.97)
UNSEEN = Unseen(places=(3,), accepted=True, reference={"iou": 0.99}, candidate={"iou": 0.965}, margins={})
PROOF = Proof(
    accepted=True,
    unseen=UNSEEN,
    worst={"iou": WorstSample(value=0.9, sample=5)},
    bounds={f"iou.{kind}": -0.5 for kind in get_args(Kind)},
)


@pytest.mark.parametrize(("kind", "sure"), [("min", 0.2), ("max", 0.6), ("drop", 0.6), ("rise", 0.6)])
def test_a_condition_has_its_unseen_figure_its_bound_and_its_worst_sample(kind: Kind, sure: float) -> None:
    found = with_proof(ROW, PROOF, Condition("iou", kind, 0.4))
    assert (found.unseen, found.sure, found.worst, found.worst_sample) == (0.965, pytest.approx(sure), 0.9, 5)
    assert (found.metric, found.reference, found.low, found.candidate) == ("iou", 0.98, 0.1, 0.97)


def test_a_metric_that_is_only_reported_has_no_bound() -> None:
    found = with_proof(ROW, PROOF)
    assert (found.unseen, found.sure) == (0.965, None)


@pytest.mark.parametrize("proof", [None, Proof(accepted=True)], ids=["nothing judged", "nothing unseen"])
def test_what_is_not_known_is_left_out(proof: Proof | None) -> None:
    assert with_proof(ROW, proof, Condition("iou", "min", 0.4)) == ROW

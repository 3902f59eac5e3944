from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.errors import ConfigError, MetricError
from trtflow.numerics.accept import Accept, Condition
from trtflow.numerics.metrics import METRICS

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("conditions", "reference", "candidate", "accepted"),
    [
        ({"drop": 0.005}, 0.951, 0.950, True),
        ({"drop": 0.005}, 0.951, 0.946, True),  # on the bound, though 0.951 - 0.946 > 0.005 in binary
        ({"drop": 0.005}, 0.951, 0.9459, False),
        ({"drop": 0.005}, 0.951, 0.999, True),
        ({"drop": 0}, 0.951, 0.951, True),
        ({"drop": 0}, 0.951, 0.9509, False),
        ({"drop": 0.005}, 0.951, NAN, False),
        ({"drop": 0.005}, NAN, 0.951, False),
        ({"drop": 0.005}, 0.951, -INF, False),
        ({"rise": 0.1}, 1.0, 1.1, True),
        ({"rise": 0.1}, 1.0, 1.11, False),
        ({"rise": 0.1}, 1.0, 0.2, True),
        ({"rise": 0.1}, 1.0, NAN, False),
        ({"min": 30}, NAN, 30.0, True),
        ({"min": 30}, INF, INF, True),
        ({"min": 30}, INF, 29.99, False),
        ({"min": 30}, INF, NAN, False),
        ({"min": 30}, INF, -INF, False),
        ({"max": 2}, 0.0, 2.0, True),
        ({"max": 2}, 0.0, 2.1, False),
        ({"max": 2}, 0.0, NAN, False),
        ({"min": 1, "max": 2}, 0.0, 1.5, True),
        ({"min": 1, "max": 2}, 0.0, 2.5, False),
    ],
)
def test_judge(conditions: dict[str, float], reference: float, candidate: float, accepted: bool) -> None:
    accept = Accept.parse({"own": conditions}, known=None)
    verdict = accept.judge({"own": reference}, {"own": candidate})
    assert verdict.accepted is accepted
    assert set(verdict.margins) == {f"own.{kind}" for kind in conditions}
    assert (verdict.margin >= 0) is accepted
    assert bool(verdict.failed) is not accepted


@pytest.mark.parametrize(
    ("conditions", "reference", "candidate", "margin"),
    [
        ({"drop": 0.01}, 0.9, 0.9, 1.0),
        ({"drop": 0.01}, 0.9, 0.88, -1.0),
        ({"rise": 0.5}, 1.0, 1.25, 0.5),
        ({"min": 30}, INF, 45.0, 0.5),
        ({"max": 2}, 0.0, 3.0, -0.5),
        ({"min": 0}, 0.0, -2.0, -2.0),
        ({"min": 30}, INF, NAN, -INF),
    ],
)
def test_the_margin_is_in_units_of_the_bound(
    conditions: dict[str, float], reference: float, candidate: float, margin: float
) -> None:
    verdict = Accept.parse({"own": conditions}, known=None).judge({"own": reference}, {"own": candidate})
    assert verdict.margin == pytest.approx(margin)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_better_candidate_never_has_a_smaller_margin(reference: float, low: float, high: float) -> None:
    accept = Accept.parse({"iou": {"drop": 0.01}})
    low, high = sorted((low, high))
    margins = [accept.judge({"iou": reference}, {"iou": value}).margin for value in (low, high)]
    assert margins == sorted(margins)


def test_all_conditions_must_hold_and_the_failed_are_named_worst_first() -> None:
    accept = Accept.parse({"iou": {"drop": 0.01}, "sqnr": {"min": 30}, "cosine": {"min": 0.9}})
    assert accept.metrics == ("iou", "sqnr", "cosine")
    verdict = accept.judge({"iou": 0.9, "sqnr": INF, "cosine": 1}, {"iou": 0.88, "sqnr": 29.0, "cosine": 1})
    assert (verdict.accepted, verdict.failed) == (False, ("iou.drop", "sqnr.min"))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "at least one condition"),
        ({"iuo": {"drop": 0.1}}, "did you mean 'iou'"),
        ({"iou": {"dorp": 0.1}}, "did you mean 'drop'"),
        ({"iou": {"drop": -0.1}}, "0 or more"),
        ({"iou": {"drop": "little"}}, "finite number"),
        ({"iou": {"drop": True}}, "finite number"),
        ({"iou": {"drop": NAN}}, "finite number"),
        ({"iou": 0.9}, "expected a map"),
        ({"iou": {}}, "expected a map"),
        ({"iou": {"rise": 0.1}}, "use 'drop'"),
    ],
)
def test_a_wrong_map_is_refused(document: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Accept.parse(document)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Accept.parse({"iuo": {"drop": 0.1}, "sqnr": {"mim": 30, "min": "x"}})
    assert len(str(caught.value).splitlines()) == 3


def test_a_metric_that_was_not_measured_is_an_error() -> None:
    with pytest.raises(MetricError, match="did you mean 'iou'"):
        Accept.parse({"ious": {"min": 1}}, known=None).judge({"iou": 1}, {"iou": 1})


def test_a_drop_below_infinity_is_an_error_that_names_the_way_out() -> None:
    with pytest.raises(MetricError, match="use 'min'"):
        Accept.parse({"sqnr": {"drop": 3}}).judge({"sqnr": INF}, {"sqnr": 40.0})


@pytest.mark.parametrize(("higher_is_better", "wrong", "right"), [(True, "rise", "drop"), (False, "drop", "rise")])
def test_a_metric_can_only_be_let_go_the_way_that_is_worse(
    monkeypatch: pytest.MonkeyPatch, higher_is_better: bool, wrong: str, right: str
) -> None:
    monkeypatch.setitem(METRICS, "own", replace(METRICS["sqnr"], higher_is_better=higher_is_better))
    with pytest.raises(ConfigError, match=f"accept.own.{wrong}: own is better when .*; use '{right}'"):
        Accept.parse({"own": {wrong: 0.1}}, known=["own"])
    assert Accept.parse({"own": {right: 0.1}}, known=["own"]).metrics == ("own",)


def test_a_metric_of_the_users_may_go_either_way() -> None:
    conditions = Accept.parse({"own": {"drop": 1, "rise": 2}}, known=None).conditions
    assert conditions == (Condition("own", "drop", 1.0), Condition("own", "rise", 2.0))


def test_conditions_are_written_as_they_are_read() -> None:
    document = {"iou": {"drop": 0.005, "min": 0.9}, "sqnr": {"min": 30.0}}
    assert Accept.parse(document).document() == document

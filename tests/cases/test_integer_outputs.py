"""Networks whose only output is integers run, in FP16 and INT8, and are judged by what they decide."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from selecting import classes_of_pixels, images, queries, survivors

import trtflow
from trtflow.calibration.calibrate import Choice
from trtflow.precision import FP32, INT8
from trtflow.tasks.judge import Conditions

AGREE: Conditions = {"agreement": {"min": 0.95}}


@pytest.mark.parametrize(
    ("accept", "decides"),
    [
        (AGREE, {"agreement"}),
        ({"sqnr": {"min": 40.0}}, {"sqnr", "matched"}),
        ({"matched": {"min": 0.9}}, {"matched"}),
    ],
    ids=["agreement", "sqnr", "matched"],
)
def test_fp16_keeps_what_overflows_whatever_decides(accept: Conditions, decides: set[str]) -> None:
    model, data = classes_of_pixels(loud=3e5), images()
    decided = trtflow.bisect(model, data, accept=accept)
    assert decided.search.accepted
    assert {node for node, precision in decided.plan.nodes.items() if precision == FP32} == {"up", "down"}
    judged = trtflow.validate(model, trtflow.rewrite(model, decided.plan).model, data, accept=accept)
    assert judged.accepted
    assert set(judged.accept) == decides


def test_int8_runs_from_calibration_to_the_verdict() -> None:
    model, data = classes_of_pixels(), images()
    scales = trtflow.calibrate(model, data, Choice(trials=2)).scales
    cured = trtflow.cure(model, data, scales, samples=2)
    decided = trtflow.quantize(cured.model, data, cured.scales, cures=cured.cures, accept=AGREE)
    assert decided.search.accepted
    assert {node for node, precision in decided.plan.nodes.items() if precision == INT8} == {"first", "second"}
    mixed = trtflow.rewrite(cured.model, decided.plan, cured.scales, cured.cures).model
    judged = trtflow.validate(model, mixed, data, accept=AGREE)
    assert judged.accepted
    assert judged.candidate["agreement"] < 1.0


def overlap(outputs: list[Mapping[str, object]], labels: list[object]) -> dict[str, float]:
    return {"kept": float(sum(len(output["selected"]) for output in outputs))}  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", [None, overlap], ids=["built in", "the user's"])
def test_boxes_behind_nms_may_differ_in_number(metric: object) -> None:
    accept: Conditions = {"kept": {"drop": 3}} if metric else {"sqnr": {"min": 30}}
    decided = trtflow.bisect(survivors(), queries(), accept=accept, metric=metric)  # type: ignore[arg-type]
    assert decided.search.accepted
    assert decided.plan.nodes == {}

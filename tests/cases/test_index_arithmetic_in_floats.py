"""Positions that are computed from indices in FP16 lie elsewhere, though scores agree: they are not accepted."""

from __future__ import annotations

import numpy as np
from selecting import heatmaps, peaks

import trtflow
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.reference import ReferenceRunner

ARITHMETIC = {"number", "divide", "row", "start", "column"}


def test_all_fp16_is_refused_by_the_rows_and_by_nothing_else() -> None:
    model, data = peaks(), heatmaps()
    judged = trtflow.validate(model, trtflow.rewrite(model, PrecisionPlan(FP16)).model, data)
    assert judged.candidate["sqnr"] > 50
    assert judged.candidate["matched"] < 0.8
    assert {name for name, margin in judged.margins.items() if margin < 0} == {"matched.min"}


def test_what_is_kept_is_index_arithmetic_and_brings_the_positions_back() -> None:
    model, data = peaks(), heatmaps()
    decided = trtflow.bisect(model, data)
    kept = {node for node, precision in decided.plan.nodes.items() if precision == FP32}
    assert decided.search.accepted
    assert kept
    assert kept <= ARITHMETIC
    mixed = trtflow.rewrite(model, decided.plan).model
    with ReferenceRunner(model) as exact, TypedRunner(mixed) as run:
        for sample in data:
            wanted, found = exact(sample.feed)["centers"], run(sample.feed)["centers"]
            np.testing.assert_allclose(found, wanted, atol=4)

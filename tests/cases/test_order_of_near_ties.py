"""The best queries of a detector come in another order in FP16: that is no loss, and nothing is kept for it."""

from __future__ import annotations

import numpy as np
from selecting import best_queries, queries

import trtflow
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.reference import ReferenceRunner


def test_all_fp16_is_accepted_though_the_order_differs() -> None:
    model, data = best_queries(), queries()
    decided = trtflow.bisect(model, data)
    mixed = trtflow.rewrite(model, decided.plan).model
    judged = trtflow.validate(model, mixed, data)
    assert decided.plan == PrecisionPlan(FP16)
    assert judged.accepted
    assert judged.accept == decided.search.accept == {"sqnr": {"min": 30.0}, "matched": {"min": 0.95}}
    assert judged.candidate["matched"] == 1.0
    assert judged.candidate["sqnr"] > 50
    with ReferenceRunner(model) as exact, TypedRunner(mixed) as run:
        labels = [(exact(sample.feed)["labels"], run(sample.feed)["labels"]) for sample in data]
    assert any((wanted != found).any() for wanted, found in labels)


def test_a_detector_that_loses_its_boxes_is_refused() -> None:
    model, data = best_queries(), queries()
    broken = trtflow.rewrite(model, PrecisionPlan(FP32)).model
    boxes = next(tensor for tensor in broken.graph.initializer if tensor.name == "wb")
    boxes.raw_data = np.zeros(tuple(boxes.dims), np.float32).tobytes()
    judged = trtflow.validate(model, broken, data)
    assert not judged.accepted
    assert judged.candidate["matched"] == 0.0

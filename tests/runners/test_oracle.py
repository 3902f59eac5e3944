"""Each plan is measured once, ever; a probe looks at the samples that the low end treated worst."""

from __future__ import annotations

import numpy as np
import onnx
from dict_memo import DictMemo

from trtflow.data import Sample
from trtflow.plan import PrecisionPlan
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.oracle import EmulatedOracle, ProbingOracle
from trtflow.runners.reference import ReferenceRunner

SAMPLES = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (1.1, 70.1, 2.1, 3.1)]


def oracle(model: onnx.ModelProto, memo: DictMemo) -> EmulatedOracle:
    evaluator = Evaluator(ReferenceRunner(model), SAMPLES, {"sqnr": {"min": 30}})
    return EmulatedOracle(model, evaluator, "tensor", memo, {"model": "m"})


def test_a_second_process_reuses_what_the_first_measured(overflowing: onnx.ModelProto) -> None:
    memo = DictMemo()
    first = oracle(overflowing, memo).evaluate(PrecisionPlan("fp16"))
    again = oracle(overflowing, memo).evaluate(PrecisionPlan("fp16"))
    assert (first.reused, again.reused) == (False, True)
    assert (again.accepted, again.margin, again.error) == (first.accepted, first.margin, first.error)


def test_a_probe_uses_the_hardest_samples_only(overflowing: onnx.ModelProto) -> None:
    measured = oracle(overflowing, DictMemo())
    assert not measured.evaluate(PrecisionPlan("fp16")).accepted
    outcome = measured.probe(PrecisionPlan("fp16"))
    assert not outcome.accepted
    assert outcome.passes == 0.5
    assert ProbingOracle(measured).evaluate(PrecisionPlan("fp16")).reused


def test_a_plan_that_passes_has_a_finite_error_and_a_margin(overflowing: onnx.ModelProto) -> None:
    outcome = oracle(overflowing, DictMemo()).evaluate(PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"}))
    assert outcome.accepted
    assert outcome.margin > 0
    assert 0 < outcome.error < 1e-5

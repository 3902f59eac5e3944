from __future__ import annotations

import numpy as np
import onnx
from spread_model import DATA, ROWS, spread_model

from trtflow.calibration.calibrate import Choice, calibrate
from trtflow.calibration.cure import WINS, Cured, cure
from trtflow.plan import PrecisionPlan
from trtflow.qdq.quantize import quantizable
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.quantized import QuantizedRunner
from trtflow.runners.reference import ReferenceRunner
from trtflow.text import six_digits


def _cured(model: onnx.ModelProto) -> Cured:
    tensors = calibrate(model, quantizable(model, outputs=True), DATA, Choice("minmax")).tensors
    return cure(model, tensors, DATA, list(DATA)[:4])


def test_a_spread_range_is_equalised_and_fp32_stays() -> None:
    model = spread_model(500.0)
    found = _cured(model)
    (attempt,) = [attempt for attempt in found.attempts if attempt.cure.kind == "equalisation"]
    assert attempt.applied
    assert attempt.cure.after < 0.05 * attempt.cure.before
    with ReferenceRunner(model) as before, ReferenceRunner(found.model) as after:
        np.testing.assert_array_equal(after({"x": ROWS})["y"], before({"x": ROWS})["y"])


def test_every_applied_cure_measured_better() -> None:
    assert all(cure.after < WINS * cure.before for cure in _cured(spread_model(500.0)).cures)


def test_a_network_that_needs_no_cure_keeps_its_weights() -> None:
    model = spread_model(1.0)
    found = _cured(model)
    assert not [cure for cure in found.cures if cure.kind == "equalisation"]
    assert found.model == model


def test_what_is_stored_is_what_was_measured() -> None:
    model = spread_model(500.0)
    found = _cured(model)
    samples = list(DATA)[:4]
    evaluator = Evaluator(ReferenceRunner(model), samples, {"sqnr": {"min": 0.0}})
    last = found.cures[-1]
    plan = PrecisionPlan("fp32").assign(last.nodes, "int8")
    assert six_digits(evaluator.measure(QuantizedRunner(found.model, plan, found.ranges)).error) == last.after


def test_what_does_not_win_is_told_and_left() -> None:
    found = _cured(spread_model(500.0))
    left = [attempt.cure for attempt in found.attempts if not attempt.applied]
    assert left
    assert not set(left) & set(found.cures)
    assert all(cure.after >= WINS * cure.before for cure in left)


def test_range_moves_first_and_then_a_node_that_is_harmed_is_clipped_before_it_is_corrected() -> None:
    attempts = _cured(spread_model(500.0)).attempts
    assert [(attempt.cure.kind, attempt.cure.subject) for attempt in attempts] == [
        ("equalisation", "r"),
        ("weight clipping", "down"),
        ("bias correction", "down"),
    ]


def test_progress_names_what_is_changed_and_where() -> None:
    model, told = spread_model(500.0), []
    tensors = calibrate(model, quantizable(model, outputs=True), DATA, Choice("minmax")).tensors
    cure(model, tensors, DATA, list(DATA)[:2], progress=lambda done, total, text: told.append((done, total, text)))
    assert [entry for entry in told if " of " in entry[2]] == [
        (0, 1, "range of r"),
        (0, 1, "weights of down"),
    ]

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto, helper, numpy_helper

from trtflow.calibration.calibrate import Choice, calibrate
from trtflow.calibration.cure import Cured, balanced_shifts, cure
from trtflow.data import Dataset, Sample
from trtflow.plan import PrecisionPlan
from trtflow.qdq.quantize import quantizable
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.quantized import QuantizedRunner
from trtflow.runners.reference import ReferenceRunner
from trtflow.text import six_digits

ROWS = np.random.default_rng(1).normal(0, 1, (64, 6)).astype(np.float32)
DATA = Dataset("rows", lambda: iter([Sample({"x": ROWS[i : i + 8]}) for i in range(0, 64, 8)]))


def _model(spread: float) -> onnx.ModelProto:
    """y = relu(x · a + c) · b, the first channel of the middle being ``spread`` times the others."""
    rng = np.random.default_rng(0)
    factors = np.array([spread, *[1.0] * 15])
    constants = {
        "a": rng.normal(0, 1, (6, 16)) * factors,
        "c": rng.normal(0, 1, 16) * factors,
        "b": rng.normal(0, 1, (16, 4)) / factors[:, None],
    }
    nodes = [
        helper.make_node("Gemm", ["x", "a", "c"], ["h"], "up"),
        helper.make_node("Relu", ["h"], ["r"], "relu"),
        helper.make_node("Gemm", ["r", "b"], ["y"], "down"),
    ]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", w]) for n, w in (("x", 6), ("y", 4))]
    initializers = [numpy_helper.from_array(v.astype(np.float32), n) for n, v in constants.items()]
    graph = helper.make_graph(nodes, "two", ports[:1], ports[1:], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def _cured(model: onnx.ModelProto) -> Cured:
    tensors = calibrate(model, quantizable(model, outputs=True), DATA, Choice("minmax")).tensors
    return cure(model, tensors, DATA, list(DATA)[:4])


def test_a_spread_range_is_equalised_and_fp32_stays() -> None:
    model = _model(500.0)
    found = _cured(model)
    (attempt,) = [attempt for attempt in found.attempts if attempt.cure.kind == "equalisation"]
    assert attempt.applied
    assert attempt.cure.after < 0.05 * attempt.cure.before
    with ReferenceRunner(model) as before, ReferenceRunner(found.model) as after:
        np.testing.assert_array_equal(after({"x": ROWS})["y"], before({"x": ROWS})["y"])


def test_every_applied_cure_measured_better() -> None:
    assert all(cure.after < 0.9 * cure.before for cure in _cured(_model(500.0)).cures)


def test_a_network_that_needs_no_cure_keeps_its_weights() -> None:
    model = _model(1.0)
    found = _cured(model)
    assert not [cure for cure in found.cures if cure.kind == "equalisation"]
    assert found.model == model


@given(
    peaks=arrays(np.float32, 5, elements=st.floats(0, 2.0**40, width=32)),
    weights=arrays(np.float32, 5, elements=st.floats(0, 2.0**40, width=32)),
    balance=st.sampled_from([0.5, 0.75]),
)
def test_shifts_are_small_and_never_raise_the_largest_magnitude(
    peaks: np.ndarray, weights: np.ndarray, balance: float
) -> None:
    shifts = np.array(balanced_shifts(peaks, weights, balance))
    assert np.abs(shifts).max() <= 6
    assert np.all(shifts[(peaks == 0) | (weights == 0)] == 0)
    assert np.ldexp(peaks.astype(np.float64), -shifts).max() <= peaks.max()


def test_a_spread_is_shared_between_activation_and_weights_in_powers_of_two() -> None:
    assert balanced_shifts(np.float32([64, 1, 4]), np.float32([1, 1, 1]), 0.5) == (0, -3, -2)


def test_what_is_stored_is_what_was_measured() -> None:
    model = _model(500.0)
    found = _cured(model)
    samples = list(DATA)[:4]
    evaluator = Evaluator(ReferenceRunner(model), samples, {"sqnr": {"min": 0.0}})
    last = found.cures[-1]
    plan = PrecisionPlan("fp32").assign(last.nodes, "int8")
    assert six_digits(evaluator.measure(QuantizedRunner(found.model, plan, found.ranges)).error) == last.after

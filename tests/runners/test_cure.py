from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trtflow.data import Dataset, Sample
from trtflow.graph.quantize import quantizable
from trtflow.runners.calibrate import Choice, calibrate
from trtflow.runners.cure import Cured, cure
from trtflow.runners.onnxrt import ReferenceRunner

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
    (attempt,) = [attempt for attempt in found.attempts if attempt.kind == "equalisation"]
    assert attempt.applied
    assert attempt.after < 0.05 * attempt.before
    with ReferenceRunner(model) as before, ReferenceRunner(found.model) as after:
        np.testing.assert_allclose(after({"x": ROWS})["y"], before({"x": ROWS})["y"], rtol=1e-3, atol=1e-4)


def test_every_applied_cure_measured_better() -> None:
    assert all(attempt.after < 0.9 * attempt.before for attempt in _cured(_model(500.0)).attempts if attempt.applied)


def test_a_network_that_needs_no_cure_keeps_its_weights() -> None:
    model = _model(1.0)
    found = _cured(model)
    assert not [attempt for attempt in found.attempts if attempt.applied and attempt.kind == "equalisation"]
    assert found.model == model

"""A network in which one channel is much wider than the others, its data, and a bench to cure it on."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from trtflow.calibration.calibrate import Choice, calibrate
from trtflow.calibration.cures.bench import Bench, State
from trtflow.data import Dataset, Sample
from trtflow.numerics.calibration import Settings
from trtflow.progress import silent
from trtflow.qdq.quantize import quantizable

ROWS = np.random.default_rng(1).normal(0, 1, (64, 6)).astype(np.float32)


def batches(rows: NDArray[np.float32], size: int) -> Dataset:
    """``rows`` as samples of ``size`` rows each, fed as ``x``."""
    samples = [Sample({"x": rows[start : start + size]}) for start in range(0, len(rows), size)]
    return Dataset("rows", lambda: iter(samples))


DATA = batches(ROWS, 8)


def spread_model(spread: float) -> onnx.ModelProto:
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


def bench(model: onnx.ModelProto) -> Bench:
    """``model`` calibrated by its widest ranges, both of its products to be cured."""
    tensors = calibrate(model, quantizable(model, outputs=True), DATA, Choice("minmax")).tensors
    found = Bench(State(model, tensors), DATA, list(DATA)[:4], Settings(), silent)
    found.harmed = frozenset(found.sites)
    return found

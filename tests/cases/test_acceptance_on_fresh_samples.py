"""INT8 that is accepted on a dozen samples and misses the same condition on others: it was not called proven."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import trtflow
from trtflow.data import Dataset, Sample


def network() -> onnx.ModelProto:
    """Three products, 32 wide."""
    rng = np.random.default_rng(2)
    constants = [numpy_helper.from_array(rng.normal(0, 0.25, (32, 32)).astype(np.float32), f"w{i}") for i in range(3)]
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["a"], "first"),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("MatMul", ["b", "w1"], ["c"], "second"),
        helper.make_node("Tanh", ["c"], ["d"], "tanh"),
        helper.make_node("MatMul", ["d", "w2"], ["y"], "third"),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [16, 32]) for name in "xy"]
    graph = helper.make_graph(nodes, "three", ports[:1], ports[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def loud(seed: int, count: int, spread: float) -> Dataset:
    """Samples whose loudness varies by ``spread``."""
    rng = np.random.default_rng(seed)
    rows = [rng.lognormal(0, spread) * rng.normal(0, 1, (16, 32)) for _ in range(count)]
    samples = [Sample({"x": row.astype(np.float32)}) for row in rows]
    return Dataset("rows", lambda: iter(samples))


@pytest.mark.parametrize(
    ("spread", "count", "proven", "holds"),
    [(0.7, 16, False, False), (0.05, 32, True, True)],
    ids=["samples that differ", "samples that are alike"],
)
def test_what_is_proven_holds_on_fresh_samples(spread: float, count: int, proven: bool, holds: bool) -> None:
    model, own, accept = network(), loud(1, count, spread), {"sqnr": {"min": 26.0}}
    scales = trtflow.calibrate(model, loud(2, 32, spread)).scales
    decided = trtflow.quantize(model, own, scales, accept=accept)
    mixed = trtflow.rewrite(model, decided.plan, scales).model
    found = trtflow.validate(model, mixed, own, accept=accept, searches=[decided.search])
    fresh = trtflow.validate(model, mixed, loud(3, 200, spread), accept=accept)
    assert (found.accepted, found.proven, fresh.accepted) == (True, proven, holds)
    assert bool(found.why_not_proven) is not proven

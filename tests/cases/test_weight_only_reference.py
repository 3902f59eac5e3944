"""FP32 is the reference of a weight-only quantized network, so FP16 is near it, and nothing is kept for nothing."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

import trtflow
from trtflow.data import Dataset, Sample
from trtflow.model.session import create_session

WIDTH, LAYERS, BLOCK = 96, 2, 32
KINDS = {"int8": (TensorProto.INT8, 127), "int4": (TensorProto.INT4, 7)}


def codes_and_steps(kind: str) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Codes of the weights, and steps: one a column for INT8, one a block of rows and column for INT4."""
    rng, largest = np.random.default_rng(11), KINDS[kind][1]
    rows = WIDTH // BLOCK if kind == "int4" else 1
    steps = rng.uniform(0.1, 0.2, (LAYERS, rows, WIDTH)) / largest
    return [(rng.integers(-largest, largest + 1, (WIDTH, WIDTH)), step.astype(np.float32)) for step in steps]


def network(kind: str) -> onnx.ModelProto:
    """Products with dequantized weights, each followed by a Tanh."""
    tensors, nodes = [], []
    for index, (codes, steps) in enumerate(codes_and_steps(kind)):
        how = {"axis": 0, "block_size": BLOCK} if kind == "int4" else {"axis": 1}
        steps = steps if kind == "int4" else steps[0]
        tensors.append(helper.make_tensor(f"codes{index}", KINDS[kind][0], codes.shape, codes.ravel()))
        tensors.append(onnx.numpy_helper.from_array(steps, f"steps{index}"))
        read = [f"codes{index}", f"steps{index}"]
        nodes.append(helper.make_node("DequantizeLinear", read, [f"w{index}"], f"dequantize{index}", **how))
        nodes.append(helper.make_node("MatMul", [f"x{index}", f"w{index}"], [f"m{index}"], f"product{index}"))
        nodes.append(helper.make_node("Tanh", [f"m{index}"], [f"x{index + 1}"], f"tanh{index}"))
    ports = [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, [4, WIDTH]) for i in (0, LAYERS)]
    graph = helper.make_graph(nodes, "weight-only", ports[:1], ports[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def samples() -> list[Sample]:
    """Normal rows."""
    rng = np.random.default_rng(12)
    return [Sample({"x0": rng.standard_normal((4, WIDTH)).astype(np.float32)}) for _ in range(4)]


def exact(kind: str, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """The network in double precision."""
    y = x.astype(np.float64)
    for codes, steps in codes_and_steps(kind):
        y = np.tanh(y @ (codes * np.repeat(steps, WIDTH // len(steps), axis=0).astype(np.float64)))
    return y


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_is_fp32(kind: str) -> None:
    session = create_session(network(kind))
    for sample in samples():
        (y,) = session.run(None, dict(sample.feed))
        np.testing.assert_allclose(y, exact(kind, sample.feed["x0"]), atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_it_takes_fp16(kind: str) -> None:
    data = Dataset("rows", lambda: iter(samples()))
    decided = trtflow.bisect(network(kind), data, accept={"sqnr": {"min": 55}})
    assert decided.search.accepted
    assert decided.plan.nodes == {}
    assert 58 < decided.search.metrics["low"]["sqnr"] < 85


def test_the_codes_are_those_of_the_type() -> None:
    (codes, _), *_ = codes_and_steps("int4")
    np.testing.assert_array_equal(codes.astype(ml_dtypes.int4).astype(int), codes)

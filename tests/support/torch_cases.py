"""Models of one operator, executed by ONNX Runtime and by PyTorch on a CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from trtflow.data import Array
from trtflow.runners.reference import ReferenceRunner
from trtflow.runners.torch_runner import TorchRunner

OPSET = 22
Case = tuple[str, Sequence[object], Mapping[str, Any]]
"""Operator, inputs (the first is fed, others are constants, None is left out) and attributes."""


def numbers(*shape: int, seed: int = 0) -> Array:
    """FP32 numbers of both signs."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def one_node(op: str, inputs: Sequence[object], attributes: Mapping[str, Any], outputs: int = 1) -> onnx.ModelProto:
    """A model of one node, called ``node``, fed ``x``; outputs are ``y0`` and so on."""
    held = {f"c{at}": np.asarray(value) for at, value in enumerate(inputs) if at and value is not None}
    names = ["x", *(f"c{at}" if f"c{at}" in held else "" for at in range(1, len(inputs)))]
    made = [f"y{at}" for at in range(outputs)]
    node = helper.make_node(op, names, made, "node", **attributes)
    fed = np.asarray(inputs[0])
    graph = helper.make_graph(
        [node],
        op,
        [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(fed.dtype), fed.shape)],
        [onnx.ValueInfoProto(name=name) for name in made],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def check_equal(op: str, inputs: Sequence[object], attributes: Mapping[str, Any], outputs: int = 1) -> None:
    """PyTorch's outputs are ONNX Runtime's: shapes and types, integers to the bit, floats nearly."""
    model, feed = one_node(op, inputs, attributes, outputs), {"x": np.asarray(inputs[0])}
    with ReferenceRunner(model) as reference, TorchRunner(model, "cpu") as torch:
        expected, found = reference(feed), torch(feed)
    assert {*found} == {*expected}
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=2e-6)

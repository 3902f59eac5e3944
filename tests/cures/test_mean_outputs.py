"""The mean that quantization shifts is found."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from trtflow.cures.mean_outputs import bias_correction
from trtflow.model.session import create_session
from trtflow.numerics.quantize import on_grid, scale_for


def test_a_bias_correction_takes_the_mean_error_away() -> None:
    rng = np.random.default_rng(2)
    weight = rng.normal(0, 1, (6, 2, 1, 1)).astype(np.float32)
    rounded = on_grid(weight, scale_for(np.abs(weight).max() * 4, "int8"), "int8")
    x = rng.uniform(0, 3, (4, 4, 9, 9)).astype(np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=2)
    delta = bias_correction(node, weight, rounded, x.mean(axis=(0, 2, 3)), x.mean(axis=(0, 2, 3)))
    graph = helper.make_graph(
        [node], "one", [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("x", "w")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )  # fmt: skip
    session = create_session(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10))
    exact, found = (session.run(None, {"x": x, "w": w})[0].mean(axis=(0, 2, 3)) for w in (weight, rounded))
    np.testing.assert_allclose(found + delta, exact, atol=1e-4)

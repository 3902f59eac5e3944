"""A GRU with the batch first, as PyTorch exports it: ONNX Runtime 1.32 crashes on its FP16 file, and that is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import trtflow
from trtflow.data import Dataset, Sample
from trtflow.files.runtime_trial import sentence
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16

WIDE, HIDDEN = 3, 4


def network() -> onnx.ModelProto:
    """Transpose, GRU, Squeeze, Transpose, MatMul."""
    rng = np.random.default_rng(5)
    shapes = {"w": (1, 3 * HIDDEN, WIDE), "r": (1, 3 * HIDDEN, HIDDEN), "head": (HIDDEN, 2)}
    tensors = [numpy_helper.from_array(rng.normal(0, 0.4, s).astype(np.float32), n) for n, s in shapes.items()]
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], "steps", perm=[1, 0, 2]),
        helper.make_node("GRU", ["steps", "w", "r"], ["states"], "gru", hidden_size=HIDDEN),
        helper.make_node("Squeeze", ["states", "axis"], ["flat"], "flat"),
        helper.make_node("Transpose", ["flat"], ["rows"], "rows", perm=[1, 0, 2]),
        helper.make_node("MatMul", ["rows", "head"], ["y"], "head"),
    ]
    tensors.append(numpy_helper.from_array(np.array([1]), "axis"))
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 6, d]) for n, d in (("x", WIDE), ("y", 2))]
    graph = helper.make_graph(nodes, "recurrent", ports[:1], ports[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def test_the_run_survives_and_says_which_setting_loads_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    samples = [Sample({"x": rng.normal(0, 1, (1, 6, WIDE)).astype(np.float32)}) for _ in range(4)]
    model, file = network(), tmp_path / "mixed.onnx"
    mixed = trtflow.rewrite(model, PrecisionPlan(FP16)).model
    trtflow.save(mixed, file)
    found = trtflow.validate(model, mixed, Dataset("noise", lambda: iter(samples)), file=file)
    assert found.accepted
    assert found.runtime is not None
    first, *more = found.runtime.attempts
    assert found.runtime.works is not None
    assert abs(found.runtime.ahead) < 10
    if first.failed:  # a later ONNX Runtime may be mended
        assert (first.failed, [entry.level for entry in more]) == (
            "crashes (SIGSEGV) on the file",
            ["ORT_ENABLE_EXTENDED"],
        )
        assert "it loads the file with optimization level extended" in sentence(found.runtime)

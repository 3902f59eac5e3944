"""A model beyond protobuf's 2 GB, with weights in a sparse file: 8 GB of memory, minutes on a slow disk."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from graph_models import info, model, node

from trtflow.model.load import load, save
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite

SIDE, COUNT = 12000, 4
BYTES = SIDE * SIDE * 4


def external(name: str, index: int) -> onnx.TensorProto:
    tensor = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=[SIDE, SIDE])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "big.data"), ("offset", index * BYTES), ("length", BYTES)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


@pytest.mark.slow
def test_a_model_beyond_two_gigabytes_is_loaded_rewritten_and_saved(tmp_path: Path) -> None:
    with (tmp_path / "big.data").open("wb") as file:
        file.truncate(COUNT * BYTES)
    nodes = [node("MatMul", f"t{i} w{i}", f"t{i + 1}", f"m{i}") for i in range(COUNT)]
    weights = [external(f"w{i}", i) for i in range(COUNT)]
    onnx.save(model(nodes, [info("t0", [1, SIDE])], [info("t4", [1, SIDE])], weights), tmp_path / "big.onnx")
    loaded = load(tmp_path / "big.onnx").model
    mixed = rewrite(loaded, PrecisionPlan("fp32", {"m0": "fp16"})).model
    save(loaded, tmp_path / "copy.onnx")
    save(mixed, tmp_path / "mixed.onnx")
    assert (tmp_path / "copy.onnx.data").stat().st_size >= COUNT * BYTES
    written = onnx.load(tmp_path / "mixed.onnx", load_external_data=False)
    assert {t.name: t.data_type for t in written.graph.initializer} == {
        **dict.fromkeys(("w1", "w2", "w3"), onnx.TensorProto.FLOAT),
        "w0__fp16": onnx.TensorProto.FLOAT16,
    }

"""A decision can be re-applied to another export, and only where every name is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtflow.errors import PlanError
from trtflow.files.constraints import Constraints, ModelReference, Node, write_constraints
from trtflow.rewriting.apply import apply_constraints


def export(path: Path, name: str) -> Path:
    ports = [helper.make_tensor_value_info(port, TensorProto.FLOAT, [2]) for port in ("x", "y")]
    nodes = [helper.make_node("Mul", ["x", "w"], ["a"], name), helper.make_node("Relu", ["a"], ["y"], "relu")]
    weight = numpy_helper.from_array(np.array([2, 3], np.float32), "w")
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def decide(path: Path, name: str) -> Path:
    nodes = {name: Node(precision="fp32", op="Mul", reason="R01")}
    write_constraints(Constraints(model=ModelReference(path="m", sha256="0"), default="fp16", nodes=nodes), path)
    return path


def test_the_kept_node_is_fp32_in_the_new_export(tmp_path: Path) -> None:
    model, decision = export(tmp_path / "m.onnx", "/a/Mul"), decide(tmp_path / "c.yaml", "/a/Mul")
    notes = apply_constraints(decision, model, tmp_path / "mixed.onnx")
    assert any("is not the file that the decision was measured on" in note for note in notes)
    mixed = onnx.load(tmp_path / "mixed.onnx")
    assert {tensor.name: tensor.data_type for tensor in mixed.graph.initializer} == {"w": TensorProto.FLOAT}
    assert [node.op_type for node in mixed.graph.node] == ["Mul", "Cast", "Relu", "Cast"]


def test_a_renamed_node_is_reported_and_nothing_is_written(tmp_path: Path) -> None:
    model, decision = export(tmp_path / "m.onnx", "/a/Mul_1"), decide(tmp_path / "c.yaml", "/a/Mul")
    with pytest.raises(PlanError, match=r"no node /a/Mul; did you mean '/a/Mul_1'\?"):
        apply_constraints(decision, model, tmp_path / "mixed.onnx")
    assert not (tmp_path / "mixed.onnx").exists()

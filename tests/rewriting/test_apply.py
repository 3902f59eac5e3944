"""A decision can be re-applied to another export, and only where every name is found."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtflow.errors import PlanError
from trtflow.files.constraints import Constraints, ModelReference, Node, write_constraints
from trtflow.precision import Precision
from trtflow.rewriting.apply import apply, carry_out


def export(path: Path, name: str, weights: tuple[float, float] = (2, 3)) -> Path:
    ports = [helper.make_tensor_value_info(port, TensorProto.FLOAT, [2]) for port in ("x", "y")]
    nodes = [helper.make_node("Mul", ["x", "w"], ["a"], name), helper.make_node("Relu", ["a"], ["y"], "relu")]
    weight = numpy_helper.from_array(np.array(weights, np.float32), "w")
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def decide(path: Path, name: str, sha256: str = "0") -> Path:
    nodes = {name: Node(precision="fp32", op="Mul", reason="R01")}
    model = ModelReference(path="m", sha256=sha256)
    write_constraints(Constraints(model=model, default="fp16", nodes=nodes), path)
    return path


def test_the_kept_node_is_fp32_in_the_new_export(tmp_path: Path) -> None:
    model, decision = export(tmp_path / "m.onnx", "/a/Mul"), decide(tmp_path / "c.yaml", "/a/Mul")
    notes = apply(decision, model, tmp_path / "mixed.onnx")
    assert any("is not the file that the decision was measured on" in note for note in notes)
    mixed = onnx.load(tmp_path / "mixed.onnx")
    assert {tensor.name: tensor.data_type for tensor in mixed.graph.initializer} == {"w": TensorProto.FLOAT}
    assert [node.op_type for node in mixed.graph.node] == ["Mul", "Cast", "Relu", "Cast"]


def test_a_renamed_node_is_reported_and_nothing_is_written(tmp_path: Path) -> None:
    model, decision = export(tmp_path / "m.onnx", "/a/Mul_1"), decide(tmp_path / "c.yaml", "/a/Mul")
    with pytest.raises(PlanError, match=r"no node /a/Mul; did you mean '/a/Mul_1'\?"):
        apply(decision, model, tmp_path / "mixed.onnx")
    assert not (tmp_path / "mixed.onnx").exists()


def test_the_file_that_the_decision_was_measured_on_needs_no_validation(tmp_path: Path) -> None:
    model = export(tmp_path / "m.onnx", "/a/Mul")
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    assert apply(decide(tmp_path / "c.yaml", "/a/Mul", sha256=digest), model, tmp_path / "mixed.onnx") == ()


def test_a_constant_of_the_new_export_that_fp16_cannot_hold_is_told(tmp_path: Path) -> None:
    model = export(tmp_path / "m.onnx", "/a/Mul", weights=(1e6, 3))
    notes = apply(decide(tmp_path / "c.yaml", "relu"), model, tmp_path / "mixed.onnx")
    assert "/a/Mul stays in FP32 too: constant w reaches 1e+06, which fp16 turns into inf" in notes


def test_what_had_to_be_done_to_read_the_export_is_told_first(tmp_path: Path) -> None:
    model = export(tmp_path / "m.onnx", "")
    first, *_ = apply(decide(tmp_path / "c.yaml", "relu"), model, tmp_path / "mixed.onnx")
    assert first == "1 node had no name and was named after its first output"


def test_every_misfit_is_named_at_once_with_what_to_do(tmp_path: Path) -> None:
    model = export(tmp_path / "m.onnx", "/a/Mul")
    nodes = {name: Node(precision="fp32", op="Mul", reason="R01") for name in ("/a/Mull", "/b/Mul")}
    decision = Constraints(model=ModelReference(path="m", sha256="0"), default="fp16", nodes=nodes)
    with pytest.raises(PlanError) as error:
        carry_out(onnx.load(model), decision)
    assert [line.split(";")[0] for line in str(error.value).splitlines()] == [
        "the constraints do not fit the model:",
        "  there is no node /a/Mull",
        "  there is no node /b/Mul",
        "Rename what is meant in the constraints file, or run the workflow on this model.",
    ]


@pytest.mark.parametrize("default", ["fp32", "fp16", "bf16"])
def test_the_run_and_a_later_application_carry_out_the_same(tmp_path: Path, default: Precision) -> None:
    model = export(tmp_path / "m.onnx", "/a/Mul")
    nodes = {"/a/Mul": Node(precision="fp32", op="Mul", reason="R01")}
    decision = Constraints(model=ModelReference(path="m", sha256="0"), default=default, nodes=nodes)
    write_constraints(decision, tmp_path / "c.yaml")
    apply(tmp_path / "c.yaml", model, tmp_path / "mixed.onnx")
    assert onnx.load(tmp_path / "mixed.onnx") == carry_out(onnx.load(model), decision).model

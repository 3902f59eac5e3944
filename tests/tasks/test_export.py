"""A decision on disk is printed for another tool; what lists the model's inputs needs the model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from decisions import decision, int8_decision
from onnx import TensorProto, helper

from trtflow.data import Port
from trtflow.errors import ModelError, PlanError
from trtflow.files.constraints import write_constraints
from trtflow.files.exports.registry import EXPORTS
from trtflow.tasks.export import export, with_ports


@pytest.fixture
def constraints(tmp_path: Path) -> Path:
    write_constraints(int8_decision().constraints, tmp_path / "constraints.yaml")
    return tmp_path / "constraints.yaml"


@pytest.mark.parametrize("name", sorted(EXPORTS.keys() - {"triton"}))
def test_what_is_on_disk_is_printed_as_the_run_wrote_it(constraints: Path, name: str) -> None:
    assert export(constraints, name) == EXPORTS[name].write(int8_decision())


def test_triton_needs_the_model_and_takes_it(constraints: Path, tmp_path: Path, overflowing: onnx.ModelProto) -> None:
    with pytest.raises(PlanError, match="--model FILE"):
        export(constraints, "triton")
    onnx.save(overflowing, tmp_path / "model.onnx")
    text = export(constraints, "triton", tmp_path / "model.onnx")
    assert '{ name: "x" data_type: TYPE_FP32 dims: [ 4 ] }' in text
    assert '{ name: "y" data_type: TYPE_FP32 dims: [ 4 ] }' in text


def test_a_model_that_is_not_there_is_a_model_error(constraints: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the model"):
        export(constraints, "triton", tmp_path / "none.onnx")


def test_a_cache_is_for_the_version_asked_for(constraints: Path) -> None:
    assert export(constraints, "calibration-cache", tensorrt=(8, 6, 1)).startswith("TRT-8601-")


def test_weights_among_the_inputs_are_no_ports(overflowing: onnx.ModelProto) -> None:
    overflowing.graph.input.append(helper.make_tensor_value_info("one", TensorProto.FLOAT, []))
    found = with_ports(decision(), overflowing)
    assert (found.inputs, found.outputs) == (
        (Port("x", np.dtype("float32"), (None, 4)),), (Port("y", np.dtype("float32"), (None, 4)),),
    )  # fmt: skip


def test_a_text_is_printed_without_loading_onnx(constraints: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from trtflow.tasks.export import export\n"
        "export(Path(sys.argv[1]), 'trtexec'); sys.exit('onnx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, constraints], check=False).returncode == 0

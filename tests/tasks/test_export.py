"""A decision on disk is printed for another tool; what lists the model's inputs needs the model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import parsed
import pytest
from decisions import decision, int8_decision
from onnx import TensorProto, helper
from parsed import needs_rtx
from typer.testing import CliRunner

from trtflow.cli import app
from trtflow.data import Port
from trtflow.errors import ModelError, PlanError
from trtflow.files.constraints import write_constraints
from trtflow.files.exports.registry import EXPORTS
from trtflow.tasks.export import export, with_ports, write_exports


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


@needs_rtx
def test_with_the_model_all_layers_of_a_node_are_told(tmp_path: Path) -> None:
    write_constraints(decision("gemm").constraints, tmp_path / "constraints.yaml")
    onnx.save(parsed.gemm(), tmp_path / "model.onnx")
    text = export(tmp_path / "constraints.yaml", "trtexec", tmp_path / "model.onnx")
    assert "--layerPrecisions=gemm:fp32,ONNXTRT_Broadcast:fp32,gemm_0:fp32\n" in str(text)
    assert "of a node that becomes several layers only the first" in str(
        export(tmp_path / "constraints.yaml", "trtexec")
    )


@pytest.mark.parametrize("renamed", [False, True])
def test_a_run_says_which_file_its_exports_are_for(renamed: bool, tmp_path: Path) -> None:
    write_exports(decision("gemm").constraints, parsed.gemm(), tmp_path / "exports", renamed=renamed)
    text = (tmp_path / "exports" / "trtexec.args").read_text()
    assert ("on the named ONNX, which the run left beside the mixed one" in text) is renamed
    assert ("on the original ONNX" in text) is not renamed


def test_the_command_prints_a_table_that_is_no_text(constraints: Path) -> None:
    result = CliRunner().invoke(app, ["export", str(constraints), "--to", "onnxruntime-table"])
    assert result.stdout_bytes == EXPORTS["onnxruntime-table"].write(int8_decision())

"""The FP16 workflow, whole: a planted overflow is found, kept, rewritten, built and proven."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

CONFIG = """
trtflow: 1
workflow: debug-fp16
with:
  model: model.onnx
  data: {source: samples.npz}
  accept: {sqnr: {min: 40}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Six nodes of which ``loud`` alone exceeds FP16; ``hush`` must read it in FP32, so both are kept."""
    rng = np.random.default_rng(0)
    weights = {
        "w0": rng.normal(size=(4, 1, 3, 3)),
        "w1": 3e4 * np.ones((4, 1, 1, 1)),
        "w2": 1e-5 * rng.normal(size=(4, 4, 1, 1)),
        "w3": rng.normal(size=(1, 4, 3, 3)),
    }
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], "first", **pads),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("Conv", ["b", "w1"], ["c"], "loud", group=4),
        helper.make_node("Conv", ["c", "w2"], ["d"], "hush"),
        helper.make_node("Sigmoid", ["d"], ["e"], "squash"),
        helper.make_node("Conv", ["e", "w3"], ["y"], "last", **pads),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1, 16, 16]) for name in ("x", "y")]
    initializers = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "planted", ports[:1], ports[1:], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, tmp_path / "model.onnx")
    np.savez(tmp_path / "samples.npz", x=rng.normal(size=(8, 1, 16, 16)).astype(np.float32))
    (tmp_path / "planted.yaml").write_text(CONFIG)
    return tmp_path


def trtflow(project: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trtflow", *arguments]
    told = {**os.environ, "TRTFLOW_STORE": str(project / "store"), "COLUMNS": "100", **more}
    return subprocess.run(command, cwd=project, env=told, capture_output=True, text=True, check=False)


def test_the_planted_layer_is_found_and_the_result_is_proven(project: Path) -> None:
    done = trtflow(project, "run", "planted.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    out = project / "out" / "planted"
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["kept"] == ["hush", "loud"]
    assert metrics["accepted"] is True
    assert metrics["held_out"] is True
    assert metrics["metrics"]["low"]["sqnr"] == "-Infinity"
    assert metrics["metrics"]["candidate"]["sqnr"] > 40
    constraints = yaml.safe_load((out / "constraints.yaml").read_text())
    assert {name: node["precision"] for name, node in constraints["nodes"].items()} == {
        "loud": "fp32",
        "hush": "fp32",
    }
    assert constraints["nodes"]["loud"]["reason"] == "R01"
    mixed = onnx.load(out / "planted.mixed.onnx")
    assert [value.type.tensor_type.elem_type for value in (*mixed.graph.input, *mixed.graph.output)] == [1, 1]
    rows = {row["layer"]: row for row in csv.DictReader((out / "layers.csv").read_text().splitlines())}
    assert list(rows) == ["first", "relu", "loud", "hush", "squash", "last"]
    assert int(rows["loud"]["overflowed"]) > 0
    assert "Accepted: 2 of 6 nodes stay in FP32" in (out / "report.html").read_text()

    again = trtflow(project, "run", "planted.yaml", "--locked")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "11 of them from the store" in again.stdout


@pytest.mark.parametrize("runner", ["cuda", "tensorrt", "tensorrt-rtx"])
def test_an_engine_that_is_not_here_ends_the_run_and_nothing_is_accepted(runner: str, project: Path) -> None:
    done = trtflow(project, "run", "planted.yaml", f"with.runner={runner}", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"'{runner}' cannot run here" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    out = project / "out" / "planted"
    assert json.loads((out / "metrics.json").read_text())["accepted"] is False
    assert not (out / "constraints.yaml").exists()


def test_a_condition_that_nothing_meets_ends_with_the_gates_status(project: Path) -> None:
    done = trtflow(project, "run", "planted.yaml", "with.accept.cosine.min=1.5")
    assert done.returncode == 3, done.stdout + done.stderr
    assert json.loads((project / "out" / "planted" / "metrics.json").read_text())["accepted"] is False


def test_a_budget_still_ends_in_an_accepted_plan(project: Path) -> None:
    done = trtflow(project, "run", "planted.yaml", "--until", "bisect", "steps.bisect.with.max-evaluations=1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in fp32" in done.stdout


def test_the_run_step_dumps_layers_strictly_in_fp16(project: Path) -> None:
    (project / "dump.yaml").write_text(
        "trtflow: 1\n"
        "inputs: {model: {type: path}, data: {type: map}, accept: {type: map, default: {}}}\n"
        "steps:\n"
        "  dump:\n"
        "    uses: run\n"
        "    with:\n"
        "      {model: '${inputs.model}', data: '${inputs.data}', precision: fp16, tensors: [relu], results: true}\n"
    )
    done = trtflow(project, "run", "planted.yaml", "--workflow", "./dump.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    out = project / "out" / "planted"
    assert json.loads((out / "tensors" / "index.json").read_text()) == {"0": "b"}
    dumped = np.load(out / "tensors" / "0" / "0.npy")
    assert dumped.shape == (1, 4, 16, 16)
    np.testing.assert_array_equal(dumped, dumped.astype(np.float16).astype(np.float32))
    from polygraphy.comparator import RunResults

    assert list(RunResults.load(str(out / "results.json"))["emulated-fp16"][0]) == ["b"]

"""By the command: what cannot be judged by ends the run with status 1, by name, and nothing is published."""

from __future__ import annotations

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

NAN, INF = float("nan"), float("inf")


def write(folder: Path, rows: list[list[float]], weight: float = 1.0, mask: float = 0.0, **data: object) -> None:
    """y = x · w + mask over four channels, ``weight`` and ``mask`` being one value of each; the data as float64."""
    held = {"w": np.eye(4) * 0.7 + 0.1, "mask": np.zeros(4)}
    held["w"][0, 0], held["mask"][1] = weight, mask
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "up"),
        helper.make_node("Add", ["h", "mask"], ["y"], "add"),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in ("x", "y")]
    initializers = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "small", ports[:1], ports[1:], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "model.onnx")
    np.savez(folder / "eval.npz", x=np.array(rows, np.float64))
    given = {"model": "model.onnx", "data": {"source": "eval.npz", **data}}
    (folder / "c.yaml").write_text(yaml.safe_dump({"trtflow": 1, "workflow": "debug-fp16", "with": given}))


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "trtflow", "run", "c.yaml", *arguments]
    environment = {**os.environ, "TRTFLOW_STORE": str(folder / "store"), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())  # the terminal's width breaks lines


GOOD = [[1.0, 2.0, 3.0, 4.0]] * 11
KINDS: dict[str, tuple[list[list[float]], dict[str, float], str]] = {
    "one sample of NaN": ([*GOOD, [NAN, 1, 1, 1]], {}, "eval.npz, sample 11: 'x' holds 1 NaN of 4 values"),
    "eleven of twelve": ([GOOD[0], *[[NAN] * 4] * 11], {}, "eval.npz, sample 1: 'x' holds 4 NaN of 4 values"),
    "beyond float32": ([*GOOD, [1e300, 1, 1, 1]], {}, "eval.npz, sample 11: 'x' holds 1e+300, which float32 cannot"),
    "zeros throughout": (
        [[0.0] * 4] * 3,
        {},
        "sample 0 and 2 others, all there are: FP32's own outputs hold nothing",
    ),
    "NaN in a weight": (GOOD, {"weight": NAN}, "'w' holds 1 NaN of 16 values"),
    "inf in a weight": (GOOD, {"weight": INF}, "'w' holds 1 infinite of 16 values"),
    "masked output": (GOOD, {"mask": -INF}, "sample 0: FP32's own output 'y' holds 1 infinite of 4 values"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_run_ends_by_name_and_nothing_is_published(tmp_path: Path, kind: str) -> None:
    rows, values, said = KINDS[kind]
    write(tmp_path, rows, **values)
    status, told = run(tmp_path)
    assert (status, said in told) == (1, True), told
    assert not list((tmp_path / "out").rglob("*.onnx"))


def test_masked_scores_are_judged_where_they_are_allowed_and_a_zero_sample_is_told(tmp_path: Path) -> None:
    write(tmp_path, [*GOOD, [0.0] * 4], mask=-INF, **{"allow-nonfinite": ["outputs"]})
    status, told = run(tmp_path)
    assert status == 0, told
    assert "on 12 samples, 1 of which judge nothing (FP32's outputs are zero), worst on sample " in told
    metrics = json.loads(next((tmp_path / "out").rglob("metrics.json")).read_text())
    assert 40 < float(metrics["metrics"]["candidate"]["sqnr"]) < float("inf")

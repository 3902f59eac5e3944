"""A model without a float layer ends at inspect, with an answer: exit status 3, a report, and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from graph_models import info, model, node
from onnx import TensorProto

CONFIG = "trtflow: 1\nworkflow: debug-fp16\nwith: {model: m.onnx, data: {source: none.npz}}\n"


def test_nothing_else_runs_and_the_report_says_why(tmp_path: Path) -> None:
    net = model([node("MatMul", "x x", "y")], [info("x", [2, 2], TensorProto.DOUBLE)], [])
    net.graph.output.append(info("y", [2, 2], TensorProto.DOUBLE))
    onnx.save(net, tmp_path / "m.onnx")
    np.savez(tmp_path / "none.npz", x=np.ones((2, 2)))
    (tmp_path / "c.yaml").write_text(CONFIG)
    told = {**os.environ, "TRTFLOW_STORE": str(tmp_path / "store"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "trtflow", "run", "c.yaml", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stdout + done.stderr
    why = "nothing in it can take a low precision: it computes nothing in FP32, only double"
    said = f"Nothing gained: {why}."
    assert done.stdout.rstrip().splitlines()[-1] == said
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["state"], metrics["sentence"], metrics["accepted"]) == ("nothing-gained", said, False)
    assert set(metrics["seconds"]) >= {"inspect"}
    assert said in (tmp_path / "out" / "report.html").read_text()
    assert " 2 steps" in done.stdout

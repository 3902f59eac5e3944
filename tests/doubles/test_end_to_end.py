"""The whole of trtflow on the double: what needs a GPU otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from double_engines import feed, network
from doubling import Install

from trtflow.model.load import prepare
from trtflow.runners.reference import ReferenceRunner
from trtflow.runners.tensorrt import EngineRunner
from trtflow.trt.request import EngineRequest
from trtflow.trt.shapes import ShapeRange

CONFIG = """
trtflow: 1
workflow: debug-fp16
with:
  model: model.onnx
  data: {source: data.npz}
  runner: tensorrt
"""
REQUEST = EngineRequest(Path("model.onnx"), {"x": ShapeRange((1, 3, 8, 8), (2, 3, 8, 8), (4, 3, 8, 8))})


@pytest.mark.parametrize("version", ["10.0.1", "10.16.1", "11.4.0"])
def test_what_an_engine_returned_stays_when_it_runs_again(double: Install, version: str) -> None:
    double(version)
    model, _ = prepare(network())
    with EngineRunner("tensorrt", model, REQUEST) as engine, ReferenceRunner(model) as reference:
        first = engine(feed())
        engine({"x": feed()["x"] * 3})
        np.testing.assert_array_equal(first["y"], reference(feed())["y"])


def trtflow(folder: Path) -> subprocess.CompletedProcess[str]:
    """``trtflow run`` on a network in ``folder``, in a process of its own."""
    onnx.save(network(), folder / "model.onnx")
    samples = np.random.default_rng(0).normal(size=(8, 3, 8, 8)).astype(np.float32)
    np.savez(folder / "data.npz", x=samples)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "trtflow", "run", "config.yaml", "--store", "store", "--out", "out"]
    env = {**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}{os.pathsep}{Path(__file__).parents[2]}"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["10.0.1", "10.13.3", "10.16.1", "11.4.0"])
def test_a_run_that_an_engine_decides_is_accepted(double: Install, version: str, tmp_path: Path) -> None:
    double(version)
    found = trtflow(tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert (tmp_path / "out" / "engine.plan").stat().st_size > 0


@pytest.mark.slow
def test_a_version_that_refuses_every_engine_fails_the_run(double: Install, tmp_path: Path) -> None:
    double(refuse="Error Code 10: no implementation")
    found = trtflow(tmp_path)
    assert found.returncode != 0
    assert "no implementation" in found.stdout + found.stderr

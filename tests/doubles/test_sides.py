"""Layers are compared on engines that a double of TensorRT builds: every way to read them, on every version."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from double_engines import feed, network
from doubling import Install

from trtflow.data import Sample
from trtflow.errors import BackendError
from trtflow.files.statistics import Statistics
from trtflow.model.load import prepare
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.runners.engine_side import EngineSide
from trtflow.tasks.compare import Candidate, compare
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.measured_on import execute_on
from trtflow.trt.request import EngineSettings

SAMPLES = [Sample(feed())]
INSIDE, FUSED = {"c", "r", "m", "p", "f"}, {"c"}
"""What the small network computes inside, and what is gone where Conv and Relu are one layer."""
WAYS = [
    ("8.6.1", "weak", "outputs", "constraint"),
    ("10.0.1", "strong", "outputs", "cast"),
    ("10.0.1", "weak", "debug", "debug"),
    ("10.16.1", "strong", "outputs", "cast"),
    ("10.16.1", "strong", "debug", "debug"),
    ("10.16.1", "strong", "unfused-debug", "debug"),
    ("10.16.1", "weak", "outputs", "constraint"),
    ("10.16.1", "weak", "debug", "debug"),
    ("10.16.1", "weak", "unfused-debug", "debug"),
    ("11.4.0", "strong", "outputs", "cast"),
    ("11.4.0", "strong", "unfused-debug", "debug"),
]
CLOSE = 1e-3
QUICK = ("10.16.1", "strong", "outputs", "cast")


def compared(low: Precision = "fp16", log: list[str] | None = None, **settings: Any) -> Statistics:
    model, _ = prepare(network())
    sides = {
        "emulated": Candidate(PrecisionPlan(low)),
        "engine": Candidate(PrecisionPlan(low), runner="tensorrt"),
    }
    hooks = Hooks(log=(log if log is not None else []).append)
    return compare(model, SAMPLES, sides, trt=EngineSettings(**settings), hooks=hooks)


def as_emulated(found: Statistics, tensor: str) -> bool:
    """Whether all figures are the emulator's, but for the order in which ONNX Runtime sums in another graph."""
    engine, emulated = (asdict(found.candidates[name][tensor]) for name in ("engine", "emulated"))
    return bool(engine == pytest.approx(emulated, rel=CLOSE))


@pytest.mark.parametrize(
    ("version", "typing", "capture", "mechanism"),
    [pytest.param(*way, marks=() if way == QUICK else pytest.mark.slow) for way in WAYS],
)
def test_an_engine_is_read_as_the_emulator_has_it(
    double: Install, version: str, typing: str, capture: str, mechanism: str
) -> None:
    double(version)
    found = compared(typing=typing, capture=capture)
    shown = INSIDE - FUSED if capture == "unfused-debug" else INSIDE
    ways = {tensor: way for tensor, way in found.mechanisms["engine"].items() if tensor in INSIDE}
    assert ways == dict.fromkeys(shown, mechanism)
    for tensor in {*shown, "y"}:
        assert as_emulated(found, tensor), tensor
    for tensor in INSIDE - shown:
        assert (found.candidates["engine"][tensor].count, found.candidates["emulated"][tensor].count) == (0, 512)
    assert found.observer == {"engine": 0.0}
    statuses = {*found.built["engine"].values()}
    assert statuses == ({"honoured"} if typing == "strong" else set())


@pytest.mark.parametrize(
    ("version", "capture", "instead"),
    [
        ("8.6.1", "debug", "install TensorRT 10 or later, or take `capture: outputs`"),
        ("8.6.1", "unfused-debug", "install TensorRT 10.12 or later, or take `capture: outputs`"),
        ("10.0.1", "unfused-debug", "install TensorRT 10.12 or later, or take `capture: debug`"),
    ],
)
def test_a_way_that_a_version_lacks_is_refused_with_another(
    double: Install, version: str, capture: str, instead: str
) -> None:
    double(version)
    with pytest.raises(BackendError, match=re.escape(instead)):
        compared(capture=capture)


@pytest.mark.slow
@pytest.mark.parametrize("capture", ["outputs", "debug"])
def test_bf16_comes_through(double: Install, capture: str) -> None:
    double("10.16.1")
    found = compared("bf16", capture=capture)
    for tensor in {*INSIDE, "y"}:
        assert as_emulated(found, tensor), tensor
    assert 45 < found.candidates["engine"]["c"].sqnr_db < 55, "eight bits of mantissa"


@pytest.mark.slow
@pytest.mark.parametrize(("capture", "seen"), [("outputs", True), ("unfused-debug", False)])
def test_a_fault_of_a_fused_kernel_that_marks_heal_is_an_observer_effect(
    double: Install, capture: str, seen: bool
) -> None:
    double("10.16.1", broken=["conv + relu"])
    lines: list[str] = []
    found = compared(log=lines, capture=capture)
    assert (found.observer["engine"] > 0.1) is seen
    assert any("unfused-debug" in line and "emulator" in line for line in lines) is seen
    right = found.candidates["engine"]["r"].sqnr_db > 60
    assert right is seen, "read through marks the fault is gone; read as it was built it shows"


@pytest.mark.slow
def test_batches_of_device_memory_are_engines_of_their_own_and_change_nothing(double: Install) -> None:
    double("10.16.1")
    assert compared(memory=1).candidates == compared().candidates


@pytest.mark.parametrize(
    ("version", "typing"),
    [("10.16.1", "strong"), pytest.param("10.16.1", "weak", marks=pytest.mark.slow)],
)
def test_a_marked_layer_is_strictly_fp16_though_it_comes_out_in_fp32(
    double: Install, version: str, typing: str
) -> None:
    double(version)
    model, _ = prepare(network())
    execute = execute_on("tensorrt", SAMPLES, EngineSettings(typing=typing))  # type: ignore[arg-type]
    plan = PrecisionPlan("fp16")
    if typing == "strong":
        from trtflow.rewriting.rewrite import rewrite

        side = EngineSide(rewrite(model, plan).model, execute, dict.fromkeys(INSIDE, ""))
    else:
        side = EngineSide(model, execute, dict.fromkeys(INSIDE, ""), plan)
    with side.start(sorted(INSIDE)) as reader:
        found = reader(feed())
    for tensor in INSIDE:
        assert found[tensor].dtype == np.float32
        np.testing.assert_array_equal(found[tensor], found[tensor].astype(np.float16).astype(np.float32))
    assert {one.mechanism for one in reader.readings.values()} == {"cast" if typing == "strong" else "constraint"}


def run_debug_fp16(folder: Path) -> subprocess.CompletedProcess[str]:
    """``trtflow run`` with ``runner: tensorrt`` in a process of its own."""
    onnx.save(network(), folder / "model.onnx")
    np.savez(folder / "data.npz", x=np.random.default_rng(0).normal(size=(8, 3, 8, 8)).astype(np.float32))
    given = "{model: model.onnx, data: {source: data.npz}, runner: tensorrt}"
    (folder / "config.yaml").write_text(f"trtflow: 1\nworkflow: debug-fp16\nwith: {given}\n", encoding="utf-8")
    command = [sys.executable, "-m", "trtflow", "run", "config.yaml", "--store", "store", "--out", "out"]
    env = {**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}{os.pathsep}{Path(__file__).parents[2]}"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["10.16.1", "11.4.0"])
def test_a_run_shows_the_engine_beside_the_emulator(double: Install, version: str, tmp_path: Path) -> None:
    double(version)
    found = run_debug_fp16(tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    out = tmp_path / "out"
    with (out / "layers.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = dict.fromkeys(row["candidate"] for row in rows)
    assert [*names] == ["fp16", "tensorrt-fp32", "tensorrt-fp16"]
    figures: dict[str, list[dict[str, str]]] = {name: [r for r in rows if r["candidate"] == name] for name in names}
    for one, other in zip(figures["fp16"], figures["tensorrt-fp16"], strict=True):
        assert (one["layer"], one["tensor"], one["total"]) == (other["layer"], other["tensor"], other["total"])
        for figure in ("sqnr_db", "max_abs", "cand_amax", "differing"):
            assert float(one[figure]) == pytest.approx(float(other[figure]), rel=CLOSE), figure
    assert {row["sqnr_db"] for row in figures["tensorrt-fp32"]} == {"Infinity"}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "tensorrt-fp16 was read on tensorrt: 5 layers by its own type, a Cast to FP32 behind it" in page
    assert json.loads((out / "metrics.json").read_text())["accepted"]

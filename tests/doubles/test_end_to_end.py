"""The whole of trtflow on the double: what needs a GPU otherwise."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from double_engines import feed, network
from doubling import Install
from planted import dataset, divided_network, int8_network, pictures

from trtflow.files.names import read_names
from trtflow.files.ranges import read_ranges
from trtflow.model.load import prepare
from trtflow.runners.reference import ReferenceRunner
from trtflow.runners.tensorrt import EngineRunner
from trtflow.tasks.bisect import bisect
from trtflow.tasks.bisection import BisectSettings
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange

SHAPES = {"x": ShapeRange((1, 3, 8, 8), (2, 3, 8, 8), (4, 3, 8, 8))}


@pytest.mark.parametrize("version", ["10.0.1", "10.16.1", "11.4.0"])
def test_what_an_engine_returned_stays_when_it_runs_again(double: Install, version: str) -> None:
    double(version)
    model, _ = prepare(network())
    request = EngineRequest(Path("model.onnx"), SHAPES)
    with EngineRunner("tensorrt", model, request) as engine, ReferenceRunner(model) as reference:
        first = engine(feed())
        engine({"x": feed()["x"] * 3})
        np.testing.assert_array_equal(first["y"], reference(feed())["y"])


RUN = """
trtflow: 1
workflow: {workflow}
with:
  model: model.onnx
  data: {{source: data.npz}}
  calibration: {{source: calibration.npz}}
  accept: {{sqnr: {{min: 25}}}}
"""
FLOATS, EIGHT = "debug-fp16", "debug-int8"


@dataclass(frozen=True)
class Ran:
    """How a run ended, and what it said and left."""

    status: int
    said: str
    out: Path

    @property
    def metrics(self) -> dict[str, Any]:
        """Its ``metrics.json``."""
        return dict(json.loads((self.out / "metrics.json").read_text(encoding="utf-8")))


def trtflow(folder: Path, workflow: str, *given: str, name: str = "out") -> Ran:
    """``trtflow run`` on a planted network in ``folder``, in a process of its own."""
    onnx.save(divided_network() if workflow == FLOATS else int8_network(), folder / "model.onnx")
    np.savez(folder / "data.npz", x=pictures(0))
    np.savez(folder / "calibration.npz", x=pictures(1, 16))
    (folder / "config.yaml").write_text(RUN.format(workflow=workflow), encoding="utf-8")
    options = [f"with.{one}" for one in given]
    command = [sys.executable, "-m", "trtflow", "run", "config.yaml", *options, "--store", "store", "--out", name]
    env = {**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}{os.pathsep}{Path(__file__).parents[2]}"}
    found = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)
    return Ran(found.returncode, found.stdout + found.stderr, folder / name)


ENGINE = "runner=tensorrt"
PATHS = [
    ("8.6.1", "weak"),
    ("10.0.1", "strong"),
    ("10.0.1", "weak"),
    ("10.13.3", "strong"),
    ("10.16.1", "strong"),
    ("10.16.1", "weak"),
    ("11.4.0", "strong"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("version", "typing"), PATHS)
def test_an_engine_keeps_just_the_planted_node_and_computes_what_the_emulator_does(
    double: Install, version: str, typing: str, tmp_path: Path
) -> None:
    double(version)
    engine = trtflow(tmp_path, FLOATS, ENGINE, f"trt.typing={typing}")
    emulated = trtflow(tmp_path, FLOATS, "runner=emulated", name="emulated")
    assert (engine.status, emulated.status) == (0, 0), engine.said + emulated.said
    assert engine.metrics["kept"] == emulated.metrics["kept"] == ["scale"]
    assert engine.metrics["metrics"]["candidate"] == emulated.metrics["metrics"]["candidate"]
    assert engine.metrics["marks"] == []
    assert f"{typing}ly typed" in engine.said
    assert (engine.out / "engine.plan").stat().st_size > 0
    built = {row.layer: row.engine_layer for row in read_names(engine.out / "engine.names.csv").rows}
    assert (built["first"], built["relu"], built["scale"]) == ("first + relu", "first + relu", "scale")


@pytest.mark.slow
def test_constraints_that_an_engine_ignores_are_told_where_it_decides_and_where_it_does_not(
    double: Install, tmp_path: Path
) -> None:
    double(ignore=["scale"])
    asked = trtflow(tmp_path, FLOATS, ENGINE, "trt.typing=weak")
    assert asked.status == 3, asked.said
    assert (
        "a plan that it does not honour (R25, at scale): that says nothing about precision"
        in asked.metrics["sentence"]
    )
    beside = trtflow(tmp_path, FLOATS, "trt.typing=weak", name="beside")
    assert beside.status == 0, beside.said
    (mark,) = beside.metrics["marks"]
    assert mark.startswith("R25: the engine does not honour the precision of 1 node (scale: FP32 asked, FP16 built)")


@pytest.mark.slow
def test_a_fusion_that_takes_a_constraint_away_is_repaired_by_what_it_fuses(double: Install, tmp_path: Path) -> None:
    double(fuse=[["scale", "last"]])
    found = trtflow(tmp_path, FLOATS, ENGINE, "trt.typing=weak")
    assert found.status == 0, found.said
    assert found.metrics["kept"] == ["last", "scale"]
    assert "the engine refuses what the emulator accepts: a kernel or a fusion" in found.said


@pytest.mark.slow
@pytest.mark.parametrize("version", ["8.6.1", "10.16.1"])
@pytest.mark.parametrize(
    ("calibrator", "algorithm"), [("entropy2", "EntropyCalibration2"), ("minmax", "MinMaxCalibration")]
)
def test_int8_is_calibrated_by_tensorrt_and_its_cache_read_by_another_run(
    double: Install, version: str, calibrator: str, algorithm: str, tmp_path: Path
) -> None:
    double(version)
    weak = ENGINE, "trt.typing=weak", f"trt.calibrator={calibrator}"
    first = trtflow(tmp_path, EIGHT, *weak)
    assert first.status == 0, first.said
    assert "; calibrated on 16 samples" in first.said
    cache = first.out / "calibration.tensorrt.cache"
    largest = float(np.abs(pictures(1, 16)).max())
    assert read_ranges(cache).algorithm == algorithm
    assert read_ranges(cache).amax["x"] == pytest.approx(largest, rel=1e-6)  # of the calibration data
    again = trtflow(tmp_path, EIGHT, *weak, "trt.calibration-cache=out/calibration.tensorrt.cache", name="again")
    assert again.status == 0, again.said
    assert "; calibrated by a cache that was read" in again.said
    assert again.metrics["metrics"] == first.metrics["metrics"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("8.6.1", "float tensors have a range"),
        ("11.4.0", r"network tensors: .*\b[1-9]\d* int8"),
        ("10.16.1", r"network tensors: .*\b[1-9]\d* int8"),
    ],
)
def test_int8_by_ranges_and_by_pairs_is_what_the_emulator_found(
    double: Install, version: str, says: str, tmp_path: Path
) -> None:
    double(version)
    engine = trtflow(tmp_path, EIGHT, ENGINE)
    emulated = trtflow(tmp_path, EIGHT, "runner=emulated", name="emulated")
    assert (engine.status, emulated.status) == (0, 0), engine.said + emulated.said
    assert engine.metrics["kept"] == emulated.metrics["kept"]
    assert engine.metrics["metrics"]["candidate"] == emulated.metrics["metrics"]["candidate"]
    assert engine.metrics["marks"] == []
    assert re.search(says, engine.said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "asked", "said"),
    [
        ("11.4.0", "trt.typing=weak", "TensorRT 11.4.0 no longer has: install TensorRT up to 10.16"),
        ("8.6.1", "trt.strict-nans=true", "TensorRT 8.6.1 does not have: install TensorRT 10.6 or later"),
        ("8.6.1", "trt.typing=strong", "TensorRT 8.6.1 does not have yet: install TensorRT 10 or later"),
        ("11.4.0", "trt.calibrator=minmax", "the workflow debug-int8 writes Q/DQ pairs into the ONNX instead"),
        ("10.0.1", "trt.capture=unfused-debug", "does not have: install TensorRT 10.12 or later"),
    ],
)
def test_what_a_version_cannot_honour_ends_the_run_and_says_what_to_do_instead(
    double: Install, version: str, asked: str, said: str, tmp_path: Path
) -> None:
    double(version)
    found = trtflow(tmp_path, FLOATS, ENGINE, asked)
    assert found.status == 1, found.said
    assert said in found.metrics["sentence"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"hang": 60}, "not built (time-out): the original does not build either: .* was ended after 5 s"),
        ({"crash": True}, "not built (crash): the original does not build either: .* was ended by SIGSEGV"),
        ({"refuse": "Error 10: no kernel"}, "not built (refusal): the original does not build either: .*no kernel"),
    ],
    ids=["time-out", "crash", "refusal"],
)
def test_how_an_engine_fails_is_told_and_ends_the_run_where_it_decides(
    double: Install, behaviour: dict[str, Any], said: str, tmp_path: Path
) -> None:
    double("10.16.1", **behaviour)
    beside = trtflow(tmp_path, FLOATS, "trt.timeout=5", name="beside")
    assert beside.status == 0, beside.said
    assert re.search(re.escape(said).replace(r"\.\*", ".*"), beside.said)
    asked = trtflow(tmp_path, FLOATS, ENGINE, "trt.timeout=5")
    assert asked.status == 1, asked.said
    assert "'tensorrt' is installed, but does not run here" in asked.metrics["sentence"]


def decision(double: Install, version: str, typing: Typing, **behaviour: Any) -> Any:
    """What an engine decides on the planted network, in this process."""
    double(version, **behaviour)
    settings = BisectSettings(runner="tensorrt", trt=EngineSettings(typing), baselines=())
    return bisect(divided_network(), dataset(pictures(0, 4), 2), settings=settings)


@pytest.mark.parametrize(("version", "typing"), [("10.16.1", "weak"), ("11.4.0", "strong")])
def test_a_search_on_an_engine_keeps_the_planted_node(double: Install, version: str, typing: Typing) -> None:
    found = decision(double, version, typing)
    assert (found.search.accepted, set(found.plan.nodes)) == (True, {"scale"})
    assert {entry.not_honoured for entry in found.search.evaluations} == {()}


def test_a_search_tells_which_nodes_an_engine_does_not_honour(double: Install) -> None:
    found = decision(double, "10.16.1", "weak", ignore=["scale"])
    assert found.search.accepted is False
    assert {entry.not_honoured for entry in found.search.evaluations if entry.kind == "build"} == {("scale",)}

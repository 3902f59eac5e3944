from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from double_engines import build, feed, inspect, network, run
from doubling import GPU, Install
from polygraphy.exception import PolygraphyException

from trtflow import facts
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, INT8
from trtflow.runners.quantized import QuantizedRunner, Ranges
from trtflow.runners.reference import ReferenceRunner
from trtflow.versions import installed

WITH_CALIBRATORS = ["8.6.1", "10.0.1", "10.13.3", "10.16.1"]
ACTIVATIONS = ("x", "c", "r", "m", "p", "f", "y")


def amax() -> dict[str, float]:
    """Of every tensor over the calibration data."""
    with ReferenceRunner(network(), taps=ACTIVATIONS[1:-1]) as runner:
        found = {**feed(), **runner(feed())}
    return {name: float(np.abs(found[name]).max()) for name in ACTIVATIONS}


def quantized(ranges: dict[str, float]) -> Any:
    plan = PrecisionPlan(FP16, {"conv": INT8, "gemm": INT8})
    with QuantizedRunner(network(), plan, Ranges(ranges)) as runner:
        return runner(feed())["y"]


@pytest.mark.parametrize("version", WITH_CALIBRATORS)
def test_a_calibrator_is_fed_and_its_cache_written_and_read(double: Install, version: str, tmp_path: Path) -> None:
    from polygraphy.backend.trt import Calibrator

    double(version)
    cache = tmp_path / "calibration.cache"
    engine = build(network(), tmp_path, fp16=True, int8=True, calibrator=Calibrator([feed()], cache=str(cache)))
    np.testing.assert_allclose(run(engine, feed())["y"], quantized(amax()), rtol=1e-3)
    header, *lines = cache.read_text(encoding="utf-8").splitlines()
    number = {"8.6.1": 8601, "10.0.1": 100001, "10.13.3": 101303, "10.16.1": 101601}[version]
    assert header == f"TRT-{number}-EntropyCalibration2"
    assert {line.rpartition(": ")[0] for line in lines} == set(ACTIVATIONS)

    again = build(
        network(), tmp_path, fp16=True, int8=True, calibrator=Calibrator([{"x": feed()["x"] * 9}], cache=str(cache))
    )
    np.testing.assert_array_equal(run(again, feed())["y"], run(engine, feed())["y"])


def test_a_cache_of_another_algorithm_is_not_read(double: Install, tmp_path: Path) -> None:
    from polygraphy.backend.trt import Calibrator

    trt = double().trt
    cache = tmp_path / "calibration.cache"
    cache.write_text("TRT-101601-EntropyCalibration2\nx: 3f800000\n", encoding="utf-8")
    calibrator = Calibrator([feed()], cache=str(cache), BaseClass=trt.IInt8MinMaxCalibrator)
    build(network(), tmp_path, int8=True, calibrator=calibrator)
    assert cache.read_text(encoding="utf-8").startswith("TRT-101601-MinMaxCalibration\n")


def test_dynamic_ranges_quantize_without_a_calibrator(double: Install, tmp_path: Path) -> None:
    double()
    ranges = {name: 2 * value for name, value in amax().items()}

    def prepare(made: Any) -> None:
        made.get_input(0).dynamic_range = (-ranges["x"], ranges["x"])
        for layer in made:
            for tensor in map(layer.get_output, range(layer.num_outputs)):
                if tensor.name in ranges:
                    assert tensor.set_dynamic_range(-ranges[tensor.name], ranges[tensor.name])

    engine = build(network(), tmp_path, fp16=True, int8=True, prepare=prepare)
    np.testing.assert_allclose(run(engine, feed())["y"], quantized(ranges), rtol=1e-3)
    assert inspect(engine)["Layers"][1]["Inputs"][0]["Format/Datatype"] == "Int8"


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [({"refuse": "no kernel"}, "Invalid Engine"), ({"unparsed": ["pool"]}, "Could not parse ONNX correctly")],
)
def test_a_refusal_is_no_engine(double: Install, behaviour: dict[str, Any], said: str, tmp_path: Path) -> None:
    double(**behaviour)
    with pytest.raises(PolygraphyException, match=said):
        build(network(), tmp_path)


def test_a_layer_may_be_refused_below_fp32_alone(double: Install, tmp_path: Path) -> None:
    double(refuse_low=["mul"])
    build(network(), tmp_path)
    with pytest.raises(PolygraphyException, match="Invalid Engine"):
        build(network(), tmp_path, fp16=True)


def monitor(trt: Any, patience: int) -> Any:
    """What cancels after ``patience`` steps; it remembers what it was told."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.told: list[tuple[Any, ...]] = []

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self.told.append(("start", phase_name, parent_phase, num_steps))

        def step_complete(self, phase_name: str, step: int) -> bool:
            self.told.append(("step", step))
            return len(self.told) <= patience

        def phase_finish(self, phase_name: str) -> None:
            self.told.append(("finish", phase_name))

    return Monitor()


def test_a_progress_monitor_is_told_of_each_step(double: Install, tmp_path: Path) -> None:
    watching = monitor(double(steps=2).trt, 99)
    build(network(), tmp_path, progress_monitor=watching)
    assert watching.told == [
        ("start", "Building Engine", None, 2),
        ("step", 0),
        ("step", 1),
        ("finish", "Building Engine"),
    ]


def test_a_build_that_hangs_is_cancelled_by_the_monitor(double: Install, tmp_path: Path) -> None:
    watching = monitor(double(hang=60.0).trt, 3)
    started = time.monotonic()
    with pytest.raises(PolygraphyException, match="Invalid Engine"):
        build(network(), tmp_path, progress_monitor=watching)
    assert time.monotonic() - started < 10
    assert ("finish", "Building Engine") not in watching.told


CHILD = """
from pathlib import Path
from double_engines import build, feed, network, run
print(run(build(network(), Path("."), fp16=True), feed())["y"].tolist())
"""


def child(folder: Path, **limits: Any) -> subprocess.CompletedProcess[str]:
    support = Path(__file__).parents[1] / "support"
    env = {**os.environ, "PYTHONPATH": f"{support}{os.pathsep}{os.environ['PYTHONPATH']}"}
    return subprocess.run(
        [sys.executable, "-c", CHILD], cwd=folder, env=env, capture_output=True, text=True, check=False, **limits
    )


def test_a_child_process_has_the_same_tensorrt(double: Install, tmp_path: Path) -> None:
    double("8.6.1")
    found = child(tmp_path)
    assert found.returncode == 0, found.stderr
    there = json.loads(found.stdout.splitlines()[-1])
    np.testing.assert_array_equal(np.float32(there), run(build(network(), tmp_path, fp16=True), feed())["y"])


def test_a_crash_ends_the_process(double: Install, tmp_path: Path) -> None:
    double(crash=True)
    assert child(tmp_path).returncode == -signal.SIGSEGV


def test_a_hang_outlasts_a_time_limit(double: Install, tmp_path: Path) -> None:
    double(hang=60.0)
    with pytest.raises(subprocess.TimeoutExpired):
        child(tmp_path, timeout=4)


def test_timing_caches_gather_what_was_timed(double: Install, tmp_path: Path) -> None:
    double()
    cache = tmp_path / "timing.cache"
    cache.write_bytes(b"other")
    from polygraphy.backend.trt import CreateConfig, EngineBytesFromNetwork, NetworkFromOnnxPath, Profile

    build(network(), tmp_path)
    config = CreateConfig(
        load_timing_cache=str(cache), profiles=[Profile().add("x", (1, 3, 8, 8), (2, 3, 8, 8), (4, 3, 8, 8))]
    )
    loaded = NetworkFromOnnxPath(str(tmp_path / "model.onnx"))
    EngineBytesFromNetwork(loaded, config, save_timing_cache=str(cache))()
    assert set(cache.read_text(encoding="utf-8").splitlines()) >= {"other", "conv + relu", "gemm"}


def test_trtflow_finds_the_version_and_a_gpu(double: Install) -> None:
    double("10.13.3")
    assert installed("tensorrt") == "10.13.3"
    found = facts.gpu()
    assert found is not None
    assert f"{found.name}, {found.capability}, {found.driver}" == GPU


def test_memory_is_given_back_once(double: Install) -> None:
    double()
    from polygraphy.cuda import wrapper

    address = wrapper().malloc(8)
    wrapper().free(address)
    with pytest.raises(ValueError, match="freed before"):
        wrapper().free(address)

"""The INT8 workflow, whole and step by step, on a planted network; and the calibrations that it must refuse."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from decisions import calibration_cache
from onnx import TensorProto, helper, numpy_helper

from trtflow.errors import DataError, PlanError
from trtflow.files.scales import read_scales
from trtflow.model.load import load
from trtflow.plan import read_plan
from trtflow.steps import calibrate, check_calibration, compare, diagnose, quantize
from trtflow.steps.contract import Context, Result

CONFIG = """
trtflow: 1
workflow: debug-int8
with:
  model: model.onnx
  data: {source: samples.npz}
  calibration: {source: calibration.npz}
  accept: {sqnr: {min: 24}}
"""


def _samples(seed: int, count: int = 12) -> np.ndarray[Any, Any]:
    """Smooth pictures around 0.5."""
    waves = np.random.default_rng(seed).normal(0, 0.3, (count, 3, 16, 16)).cumsum(-1).cumsum(-2) / 8
    return np.clip(0.5 + waves, 0, 1).astype(np.float32)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """INT8 suits ``first`` and ``third``; ``second`` reads a channel 3000 times the others; ``loud`` exceeds FP16."""
    rng = np.random.default_rng(0)
    spread = np.array([3000, 1, 1, 1, 1, 1, 1, 1], np.float32).reshape(-1, 1, 1, 1)
    weights = {
        "w1": rng.normal(0, 0.2, (8, 3, 3, 3)) * spread,
        "w2": rng.normal(0, 0.2, (8, 8, 3, 3)) / spread.reshape(1, -1, 1, 1),
        "w3": rng.normal(0, 0.2, (8, 8, 3, 3)),
        "up": np.float32(4e4),
        "down": np.float32(1 / 4e4),
        "w4": rng.normal(0, 0.2, (1, 8, 1, 1)),
    }
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], "first", **pads),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("Conv", ["b", "w2"], ["c"], "second", **pads),
        helper.make_node("Tanh", ["c"], ["d"], "squash"),
        helper.make_node("Conv", ["d", "w3"], ["e"], "third", **pads),
        helper.make_node("Mul", ["e", "up"], ["f"], "loud"),
        helper.make_node("Mul", ["f", "down"], ["g"], "hush"),
        helper.make_node("Conv", ["g", "w4"], ["y"], "last"),
    ]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", c, 16, 16]) for n, c in (("x", 3), ("y", 1)))
    initializers = [numpy_helper.from_array(np.asarray(v, np.float32), name) for name, v in weights.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "planted", [x], [y], initializers),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=10,
    )
    onnx.save(load_and_name(model, tmp_path), tmp_path / "model.onnx")
    np.savez(tmp_path / "samples.npz", x=_samples(1))
    np.savez(tmp_path / "calibration.npz", x=_samples(2))
    (tmp_path / "planted.yaml").write_text(CONFIG)
    return tmp_path


def load_and_name(model: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    """As ``inspect`` hands it on."""
    onnx.save(model, folder / "raw.onnx")
    return load(folder / "raw.onnx").model


class Memory:
    """Remembers nothing."""

    def get(self, material: Mapping[str, Any]) -> dict[str, Any] | None:
        return None

    def put(self, material: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        pass


def _context(project: Path, name: str) -> Context:
    folder = project / name
    folder.mkdir()

    def digest(path: Path | str) -> str:
        return hashlib.sha256(Path(str(path).removesuffix(":batches")).read_bytes()).hexdigest()

    return Context(folder, Memory(), lambda done, total, text: None, lambda text: None, digest)


def _calibrate(project: Path, **options: Any) -> Path:
    chosen = {
        "model": project / "model.onnx",
        "data": {"source": str(project / "samples.npz")},
        "calibration": {"source": str(project / "calibration.npz")},
        **options,
    }
    calibrate.run(calibrate.With(**chosen), _context(project, "calibrate"))
    return project / "calibrate" / "scales.yaml"


def _check(project: Path, scales: Path, **options: Any) -> Result:
    chosen = {
        "model": project / "model.onnx",
        "scales": scales,
        "data": {"source": str(project / "samples.npz")},
        "calibration": {"source": str(project / "calibration.npz")},
        **options,
    }
    return check_calibration.run(check_calibration.With(**chosen), _context(project, "check"))


def test_scales_tell_what_they_were_made_from(project: Path) -> None:
    scales = read_scales(_calibrate(project))
    assert scales.data is not None
    assert scales.data.sha256 == hashlib.sha256((project / "calibration.npz").read_bytes()).hexdigest()
    assert scales.model.sha256 == hashlib.sha256((project / "model.onnx").read_bytes()).hexdigest()
    assert (scales.samples, scales.method) == (12, "auto")
    assert list(scales.tensors) == ["x", "b", "d", "g"]


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse"])
def test_a_method_holds_for_all_tensors(project: Path, method: str) -> None:
    scales = read_scales(_calibrate(project, method=method))
    assert {tensor.method for tensor in scales.tensors.values()} == {method}
    assert all(0 < tensor.amax <= (tensor.seen or 0) for tensor in scales.tensors.values())


def test_ranges_from_a_cache_replace_calibration(project: Path) -> None:
    (project / "given.cache").write_text(calibration_cache({"x": 2.0, "d": 1.5}))
    scales = read_scales(_calibrate(project, ranges=project / "given.cache", method="minmax"))
    assert {name: tensor.method for name, tensor in scales.tensors.items()} == {
        "x": "given", "b": "minmax", "d": "given", "g": "minmax",
    }  # fmt: skip
    assert scales.amax["x"] == pytest.approx(2.0)


def test_tensors_share_a_range_only_when_told(project: Path) -> None:
    amax = read_scales(_calibrate(project, method="minmax", shared=(("x", "d"),))).amax
    assert amax["x"] == amax["d"] == 1.0
    assert amax["g"] != 1.0


def test_the_config_gives_the_range_of_single_tensors(project: Path) -> None:
    (project / "given.cache").write_text(calibration_cache({"x": 2.0, "d": 1.5}))
    amax = read_scales(_calibrate(project, ranges=project / "given.cache", method="minmax", amax={"d": 3.0})).amax
    assert (amax["x"], amax["d"]) == (pytest.approx(2.0), 3.0)


@pytest.mark.parametrize(
    ("amax", "message"),
    [({"dd": 1.0}, "which INT8 would not quantize here; did you mean 'd'?"), ({"d": 0.0}, "expected a positive")],
)
def test_a_range_that_cannot_be_is_an_error(project: Path, amax: dict[str, float], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        _calibrate(project, method="minmax", amax=amax)


def test_scales_of_an_earlier_run_are_taken_and_told_by_their_digests(project: Path) -> None:
    earlier = _calibrate(project, method="minmax").rename(project / "earlier.yaml")
    np.savez(project / "calibration.npz", x=_samples(3))
    (project / "calibrate").rename(project / "before")
    result = _check(project, _calibrate(project, ranges=earlier), cache=earlier)
    assert result.accepted is False
    assert "R23 data: the scales were made from other data (calibration.npz" in result.summary


def test_ranges_of_another_model_are_refused(project: Path) -> None:
    (project / "given.cache").write_text(calibration_cache({"images": 2.0}))
    with pytest.raises(PlanError, match=r"given.cache .* names no tensor that INT8 would quantize here, such as x"):
        _calibrate(project, ranges=project / "given.cache")


def test_a_sound_calibration_passes(project: Path) -> None:
    result = _check(project, _calibrate(project))
    assert result.accepted, result.summary


def test_a_batch_counts_as_the_samples_that_it_holds(project: Path) -> None:
    source = project / "batches.py"
    source.write_text(
        "import numpy as np\n"
        "def batches():\n"
        f"    x = np.load({str(project / 'calibration.npz')!r})['x']\n"
        "    yield {'x': x[:7]}\n"
        "    yield {'x': x[7:]}\n"
    )
    calibration = {"source": f"{source}:batches"}
    scales = _calibrate(project, calibration=calibration, method="minmax")
    assert _check(project, scales, calibration=calibration).accepted


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (lambda x: x * 255, "R17", "one is 0-255 and the other 0-1; divide by 255 in the calibration data"),
        (lambda x: x[:3], "R18", "3 different samples; expected 8 at the very least"),
        (lambda x: x[:, ::-1] * 0 + np.random.default_rng(0).random(x.shape), "R17", "runs on noise"),
    ],
)
def test_what_would_ruin_the_result_is_refused(project: Path, change: Any, code: str, message: str) -> None:
    np.savez(project / "calibration.npz", x=change(_samples(2)).astype(np.float32))
    result = _check(project, _calibrate(project, method="minmax"))
    assert result.accepted is False
    assert message in result.summary
    assert code in result.summary


@pytest.fixture
def calibrated_on_nan(project: Path) -> Path:
    """The project with one NaN in the second calibration sample."""
    samples = _samples(2)
    samples[1, 0, 0, 0] = np.nan
    np.savez(project / "calibration.npz", x=samples.astype(np.float32))
    return project


def test_a_calibration_sample_of_nan_is_named(calibrated_on_nan: Path) -> None:
    with pytest.raises(DataError, match=r"calibration\.npz, sample 1: 'x' holds 1 NaN of 768 values"):
        _calibrate(calibrated_on_nan, method="minmax")


def test_nan_that_is_allowed_is_refused_by_what_it_does_to_tensors(calibrated_on_nan: Path) -> None:
    allowed = {"source": str(calibrated_on_nan / "calibration.npz"), "allow_nonfinite": ["inputs"]}
    scales = _calibrate(calibrated_on_nan, calibration=allowed, method="minmax")
    result = _check(calibrated_on_nan, scales, calibration=allowed)
    assert result.accepted is False
    assert "R18 non-finite: " in result.summary
    assert "tensors hold NaN or infinity" in result.summary


@pytest.mark.parametrize(
    ("amax", "message"),
    [
        ({"images": 1.0}, "1 of its 1 tensors are not in the model, and it knows 0 of the 4 that are quantized"),
        ({"x": 255.0, "b": 9e5, "d": 200.0, "g": 255.0}, "the fresh ones"),
    ],
)
def test_a_stale_cache_is_refused(project: Path, amax: dict[str, float], message: str) -> None:
    (project / "old.cache").write_text(calibration_cache(amax))
    result = _check(project, _calibrate(project, method="minmax"), cache=project / "old.cache")
    assert result.accepted is False
    assert message in result.summary


def test_a_refusal_can_be_allowed_by_its_code(project: Path) -> None:
    np.savez(project / "calibration.npz", x=_samples(2, 3))
    assert _check(project, _calibrate(project, method="minmax"), allow=("R18",)).accepted


def _diagnose(project: Path, scales: Path) -> Path:
    data = {"source": str(project / "samples.npz")}
    compare.run(compare.With(model=project / "model.onnx", data=data), _context(project, "compare"))
    statistics = project / "compare" / "statistics.json"
    options = diagnose.With(model=project / "model.onnx", statistics=statistics, scales=scales)
    diagnose.run(options, _context(project, "diagnose"))
    return project / "diagnose" / "findings.json"


def test_findings_tell_what_speaks_against_which_precision(project: Path) -> None:
    found = json.loads(_diagnose(project, _calibrate(project, method="minmax")).read_text())
    assert {(entry["node"], entry["code"]) for entry in found if entry["against"] == "int8"} == {("second", "R21")}
    assert {(entry["node"], entry["code"]) for entry in found if entry["against"] == "fp16"} >= {("loud", "R01")}


def test_what_int8_breaks_stays_in_floating_point(project: Path) -> None:
    scales = _calibrate(project)
    options = {
        "model": project / "model.onnx",
        "data": {"source": str(project / "samples.npz")},
        "scales": scales,
        "findings": _diagnose(project, scales),
        "accept": {"sqnr": {"min": 24}},
    }
    result = quantize.run(quantize.With.model_validate(options), _context(project, "quantize"))
    assert read_plan(project / "quantize" / "plan.json").nodes == {"first": "int8", "third": "int8"}
    books = json.loads((project / "quantize" / "search.json").read_text())
    assert books["accepted"] is True
    assert books["kept"] == ["second"]
    assert books["metrics"]["low"]["sqnr"] < 24 <= books["metrics"]["candidate"]["sqnr"]
    bits = books["eight-bits"]
    left = {entry["node"]: (entry["group"], entry["why"]["code"]) for entry in bits["left"]}
    assert left == {"second": ("left out by the search", "R21"), "last": ("output layer", "output-layer")}
    assert set(bits["work"]) == {"int8", "fp32"}
    assert sum(bits["work"].values()) == pytest.approx(1.0)
    assert bits["work"]["int8"] + sum(entry["share"] for entry in bits["left"]) == pytest.approx(1.0)
    assert result.table is not None
    reasons = {row[0]: str(row[3]) for row in result.table.rows}
    assert reasons["second"].startswith("R21: the widest channel of b is ")


def test_a_dead_tensor_is_accounted_for(project: Path) -> None:
    scales = _calibrate(project, method="minmax")
    scales.write_text(re.sub(r"(?m)^  d: .*$", "  d: {amax: 0.0, method: minmax, seen: 0.0}", scales.read_text()))
    options = {
        "model": project / "model.onnx",
        "data": {"source": str(project / "samples.npz")},
        "scales": scales,
        "findings": _diagnose(project, scales),
        "accept": {"sqnr": {"min": 1}},
    }
    quantize.run(quantize.With.model_validate(options), _context(project, "quantize"))
    left = json.loads((project / "quantize" / "search.json").read_text())["eight-bits"]["left"]
    assert ("third", "not quantizable", "R18") in [(e["node"], e["group"], e["why"]["code"]) for e in left]


@pytest.mark.slow
def test_the_workflow_ends_accepted(project: Path) -> None:
    environment = {**os.environ, "TRTFLOW_STORE": str(project / "store"), "COLUMNS": "100"}
    command = [sys.executable, "-m", "trtflow", "run", "planted.yaml"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    out = project / "out" / "planted"
    constraints = yaml.safe_load((out / "constraints.yaml").read_text())
    precisions = {name: node["precision"] for name, node in constraints["nodes"].items()}
    assert constraints["nodes"]["loud"]["reason"] == "R01"
    assert {name: precisions.get(name) for name in ("first", "second", "third", "loud", "hush")} == {
        "first": "int8", "second": "int8", "third": "int8", "loud": "fp32", "hush": "fp32",
    }, "equalisation between first and second lets INT8 have second, too"  # fmt: skip
    exports = {path.name for path in (out / "exports").iterdir()}
    assert {"calibration.cache", "ranges.json", "dynamic-ranges.txt"} <= exports
    assert "int8 naive   int8 tuned   mixed" in done.stdout
    assert "left alone by default: nothing follows" in (out / "report.html").read_text()
    mixed = onnx.load(out / "planted.mixed.onnx")
    assert sum(node.op_type == "QuantizeLinear" for node in mixed.graph.node) == 3

"""The INT8 workflow, whole and step by step, on a planted network; and the calibrations that it must refuse."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from decisions import calibration_cache
from planted import int8_network, pictures
from stepping import run_step

from trtflow.errors import DataError
from trtflow.files.document import read_document
from trtflow.files.scales import read_scales
from trtflow.files.search import SearchDocument
from trtflow.plan import read_plan
from trtflow.steps import calibrate, check_calibration, compare, diagnose, quantize
from trtflow.steps.contract import Result

CONFIG = """
trtflow: 1
workflow: debug-int8
with:
  model: model.onnx
  data: {source: samples.npz}
  calibration: {source: calibration.npz}
  accept: {sqnr: {min: 24}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The planted network with 12 samples to judge and 12 to calibrate."""
    onnx.save(int8_network(), tmp_path / "model.onnx")
    np.savez(tmp_path / "samples.npz", x=pictures(1))
    np.savez(tmp_path / "calibration.npz", x=pictures(2))
    (tmp_path / "planted.yaml").write_text(CONFIG)
    return tmp_path


def _calibrate(project: Path, **options: Any) -> Path:
    done = run_step(calibrate, project / "calibrate", **{**_given(project), **options})
    return done.folder / "scales.yaml"


def _check(project: Path, scales: Path, **options: Any) -> Result:
    return run_step(check_calibration, project / "check", **{**_given(project), "scales": scales, **options}).result


def _given(project: Path) -> dict[str, Any]:
    """What both ask for."""
    return {
        "model": project / "model.onnx",
        "data": {"source": project / "samples.npz"},
        "calibration": {"source": project / "calibration.npz"},
    }


def test_scales_tell_what_they_were_made_from(project: Path) -> None:
    scales = read_scales(_calibrate(project))
    assert scales.data is not None
    assert scales.data.sha256 == hashlib.sha256((project / "calibration.npz").read_bytes()).hexdigest()
    assert scales.model.sha256 == hashlib.sha256((project / "model.onnx").read_bytes()).hexdigest()
    assert (scales.samples, scales.method) == (12, "auto")
    assert list(scales.tensors) == ["x", "b", "d", "g"]


def test_ranges_from_a_cache_replace_calibration(project: Path) -> None:
    (project / "given.cache").write_text(calibration_cache({"x": 2.0, "d": 1.5}))
    scales = read_scales(_calibrate(project, ranges=project / "given.cache", method="minmax"))
    assert {name: tensor.method for name, tensor in scales.tensors.items()} == {
        "x": "given", "b": "minmax", "d": "given", "g": "minmax",
    }  # fmt: skip
    assert scales.amax["x"] == pytest.approx(2.0)


def test_options_give_ranges_and_groups(project: Path) -> None:
    given = {"ranges": project / "given.cache", "amax": {"d": 3.0}, "shared": (("x", "d"),)}
    (project / "given.cache").write_text(calibration_cache({"x": 2.0, "d": 1.5}))
    amax = read_scales(_calibrate(project, method="minmax", **given)).amax
    assert (amax["x"], amax["d"]) == (3.0, 3.0)


def test_scales_of_an_earlier_run_are_taken_and_told_by_their_digests(project: Path) -> None:
    earlier = _calibrate(project, method="minmax").rename(project / "earlier.yaml")
    np.savez(project / "calibration.npz", x=pictures(3))
    (project / "calibrate").rename(project / "before")
    result = _check(project, _calibrate(project, ranges=earlier), cache=earlier)
    assert result.accepted is False
    assert "R23 data: the scales were made from other data (calibration.npz" in result.summary


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
    ("file", "images", "message"),
    [
        ("calibration.npz", pictures(2) * 255, "divide by 255 in the calibration data"),
        ("calibration.npz", pictures(2)[:3], "3 different samples; expected 8 at the very least"),
        ("samples.npz", pictures(1) * 255, "multiply by 255 in the calibration data"),
    ],
)
def test_a_refused_calibration_says_why(project: Path, file: str, images: Any, message: str) -> None:
    np.savez(project / file, x=images)
    result = _check(project, _calibrate(project, method="minmax"))
    assert result.accepted is False
    assert message in result.summary


@pytest.fixture
def calibrated_on_nan(project: Path) -> Path:
    """The project with one NaN in the second calibration sample."""
    samples = pictures(2)
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


def test_a_stale_cache_is_refused(project: Path) -> None:
    (project / "old.cache").write_text(calibration_cache({"images": 1.0}))
    result = _check(project, _calibrate(project, method="minmax"), cache=project / "old.cache")
    assert result.accepted is False
    assert "1 of its 1 tensors are not in the model" in result.summary


def test_a_refusal_can_be_allowed_by_its_code(project: Path) -> None:
    np.savez(project / "calibration.npz", x=pictures(2, 3))
    assert _check(project, _calibrate(project, method="minmax"), allow=("R18",)).accepted


def _diagnose(project: Path, scales: Path) -> Path:
    data = {"source": str(project / "samples.npz")}
    compared = run_step(compare, project / "compare", model=project / "model.onnx", data=data)
    files = {"model": project / "model.onnx", "statistics": compared.folder / "statistics.json", "scales": scales}
    return run_step(diagnose, project / "diagnose", **files).folder / "findings.json"


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
    result = run_step(quantize, project / "quantize", **options).result
    assert read_plan(project / "quantize" / "plan.json").nodes == {"first": "int8", "third": "int8"}
    found = read_document(SearchDocument, project / "quantize" / "search.json")
    assert (found.accepted, found.kept) == (True, ("second",))
    assert found.eight_bits is not None
    assert {entry.node: entry.why.code for entry in found.eight_bits.left} == {
        "second": "R21",
        "last": "output-layer",
    }
    assert result.table is not None
    reasons = {row[0]: str(row[3]) for row in result.table.rows}
    assert reasons["second"].startswith("R21: the widest channel of b is ")


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

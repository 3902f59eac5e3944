from __future__ import annotations

from pathlib import Path

import pytest

from trtflow.errors import PlanError
from trtflow.files.scales import Origin, Scales, TensorScale, read_scales, write_scales

SCALES = Scales(
    method="auto",
    percentile=99.99,
    samples=64,
    model=Origin(name="unet.onnx", sha256="4a98"),
    data=Origin(name="calibration.npz", sha256="77ff"),
    tensors={
        "x": TensorScale(amax=1.5, method="mse", seen=2.0, low=-2.0, high=1.0, growth=0.01, clipped=1e-4),
        "y:0": TensorScale(amax=3.0, method="given"),
    },
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_scales(SCALES, tmp_path / "scales.yaml")
    assert read_scales(tmp_path / "scales.yaml") == SCALES


def test_a_tensor_takes_one_line(tmp_path: Path) -> None:
    write_scales(SCALES, tmp_path / "scales.yaml")
    lines = (tmp_path / "scales.yaml").read_text().splitlines()
    assert lines[:2] == ["trtflow-scales: 1", "precision: int8"]
    assert lines[-1] == "  y:0: {amax: 3.0, method: given}"


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scales.yaml").write_text("trtflow-scales: 2\ntensors: {}")
    with pytest.raises(PlanError, match=r"is not a scales file of version 1:\n  trtflow-scales"):
        read_scales(tmp_path / "scales.yaml")

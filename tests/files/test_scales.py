"""The scales file says on one line a tensor what a calibration found, and can be read back."""

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


def test_what_is_at_its_default_is_left_out_but_the_precision(tmp_path: Path) -> None:
    write_scales(SCALES.model_copy(update={"percentile": None, "data": None}), tmp_path / "scales.yaml")
    keys = [line.split(":")[0] for line in (tmp_path / "scales.yaml").read_text().splitlines() if line[0] != " "]
    assert keys == ["trtflow-scales", "precision", "method", "samples", "model", "tensors"]


def test_the_amax_of_each_tensor_is_what_other_files_take() -> None:
    assert SCALES.amax == {"x": 1.5, "y:0": 3.0}


HEAD = "trtflow-scales: 1\nmethod: mse\nsamples: 8\nmodel: {name: m, sha256: '0'}\ntensors:\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trtflow-scales: 2\ntensors: {}", "1:17: this trtflow reads format 1, not 2"),
        (HEAD + "  x: {amax: 1, method: mse}\n  x: {amax: 2, method: mse}\n", "7:3: the key 'x' is here twice"),
        (HEAD + "  x: {amax: wide, method: mse}\n", "6:13: expected a number, found 'wide'"),
        (HEAD + "  x: {amax: 1, method: mse, non_finite: 3}\n", "6:29: unknown key 'non_finite'"),
        (HEAD.replace("tensors:\n", ""), "1:1: 'tensors' is missing"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "scales.yaml").write_text(text)
    with pytest.raises(PlanError, match=f"scales.yaml:{message}"):
        read_scales(tmp_path / "scales.yaml")

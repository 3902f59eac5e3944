"""A verdict on noise, or on inputs of another scale, says so wherever it is told; one on real pictures does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_models import f32, i64, info, model, node
from numpy.typing import NDArray
from planted import pictures

import trtflow
from trtflow.engine.lock import read_lock
from trtflow.files.constraints import read_constraints

Images = NDArray[np.float32]
SENSOR = 65535


def classifier() -> onnx.ModelProto:
    """Counts of a sensor, normalised by the statistics of its training, then a convolution and five scores."""
    rng = np.random.default_rng(0)
    nodes = [
        node("BatchNormalization", "x gain offset mean var", "n", "norm"),
        node("Conv", "n w", "c", "conv", pads=[1, 1, 1, 1]),
        node("Relu", "c", "r", "relu"),
        node("GlobalAveragePool", "r", "p", "pool"),
        node("Reshape", "p flat", "f", "flatten"),
        node("MatMul", "f head", "y", "head"),
    ]
    fixed = [
        *(f32("gain", np.ones(3)), f32("offset", np.zeros(3)), f32("mean", np.full(3, 30000.0))),
        *(f32("var", np.full(3, 1.5e4**2)), f32("w", rng.normal(0, 0.3, (8, 3, 3, 3)))),
        *(f32("head", rng.normal(0, 1, (8, 5))), i64("flat", [0, 8])),
    ]
    return model(nodes, [info("x", ["N", 3, 16, 16])], [info("y", ["N", 5])], fixed)


def noise(count: int) -> Images:
    return np.random.default_rng(1).random((count, 3, 16, 16)).astype(np.float32)


CASES: dict[str, tuple[Callable[[], Images], list[str]]] = {
    "real pictures": (lambda: pictures(3) * SENSOR, []),
    "real pictures from 0 to 1": (
        lambda: pictures(3),
        ["R17: input 'x' lies between 0 and 1, but the"],
    ),
    "one sample of noise": (
        lambda: noise(1),
        [
            "R18: 1 sample, where 4 are needed",
            "R17: input 'x' lies between",  # too few values to call it noise
        ],
    ),
    "noise of the right scale": (
        lambda: noise(8) * SENSOR,
        ["R17: input 'x' is read as a picture but looks"],
    ),
    "zeros": (lambda: noise(6) * 0, ["R18: 1 sample", "R18: no input ever changes ('x' is 0 throughout)"]),
}


@pytest.mark.parametrize(("images", "expected"), CASES.values(), ids=CASES)
def test_the_marks_are_those_of_the_data(images: Callable[[], Images], expected: list[str], tmp_path: Path) -> None:
    np.savez(tmp_path / "eval.npz", x=images())
    proto = classifier()
    marks = trtflow.check_data(proto, trtflow.open_data(tmp_path / "eval.npz", proto)).facts.marks
    assert len(marks) == len(expected)
    assert all(mark.startswith(beginning) for mark, beginning in zip(marks, expected, strict=True))


@pytest.mark.slow
def test_a_run_tells_its_marks_in_metrics_constraints_report_and_lock(tmp_path: Path) -> None:
    onnx.save(classifier(), tmp_path / "m.onnx")
    np.savez(tmp_path / "eval.npz", x=noise(8) * SENSOR)
    config = tmp_path / "c.yaml"
    config.write_text("trtflow: 1\nworkflow: debug-fp16\nwith: {model: m.onnx, data: {source: eval.npz}}\n")
    trtflow.run(config, out=tmp_path / "out", store=tmp_path / "store")
    mark, *_ = json.loads((tmp_path / "out" / "metrics.json").read_text())["marks"]
    assert "looks like noise" in mark
    data = read_constraints(tmp_path / "out" / "constraints.yaml").data
    assert data is not None
    assert (data.source, data.samples, data.marks) == ("eval.npz", 8, (mark,))
    assert read_lock(config)["check-data"]["metrics"]["marks"] == [mark]
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("looks like noise") >= 2  # under the verdict, and among the checks

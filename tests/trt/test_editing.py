"""What a network is told beside its file, and by what it is calibrated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from doubling import Install

from trtflow.errors import BackendError
from trtflow.plan import PrecisionPlan
from trtflow.trt.editing import calibration, edit
from trtflow.trt.feeds import write_feeds
from trtflow.trt.request import EngineRequest, EngineSettings

QUANTIZED = PrecisionPlan("fp16", {"up": "int8", "down": "fp32"})


def parsed(model: onnx.ModelProto, folder: Path, **asked: Any) -> tuple[Any, EngineRequest]:
    from polygraphy.backend.trt import NetworkFromOnnxPath

    onnx.save(model, folder / "model.onnx")
    request = EngineRequest(folder / "model.onnx", **asked)
    return NetworkFromOnnxPath(str(request.model))(), request


def precisions(network: Any) -> dict[str, str]:
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    return {layer.name: layer.precision.name for layer in layers if layer.precision_is_set}


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (None, {}),
        (PrecisionPlan("fp16"), {}),
        (PrecisionPlan("fp16", {"down": "fp32"}), {"down": "FLOAT"}),
        (QUANTIZED, {"up": "INT8", "down": "FLOAT"}),
    ],
)
def test_the_plan_is_told_to_the_layers_of_the_nodes_that_it_names(
    double: Install, products: onnx.ModelProto, tmp_path: Path, plan: PrecisionPlan | None, told: dict[str, str]
) -> None:
    module = double("10.16.1").trt
    (_, network, _), request = parsed(products, tmp_path, plan=plan)
    assert edit(network, module, request, "weak", [].append) == ()
    assert precisions(network) == told


def test_ranges_are_set_and_those_that_lack_are_told(
    double: Install, products: onnx.ModelProto, tmp_path: Path
) -> None:
    module, said = double("8.6.1").trt, list[str]()
    (_, network, _), request = parsed(products, tmp_path, plan=QUANTIZED, ranges={"x": 3.0, "gone": 1.0})
    edit(network, module, request, "weak", said.append)
    assert network.get_input(0).dynamic_range == (-3.0, 3.0)
    (told,) = said
    assert "3 of 6 float tensors have a range" in told  # with both constants
    assert "1 range of no tensor (gone)" in told


@pytest.mark.parametrize(
    ("typing", "kept", "mechanism", "precision"),
    [("weak", {"up": "fp32"}, "constraint", "fp32"), ("strong", None, "typed", "fp32")],
)
def test_marks_keep_the_precision_of_the_plan(
    double: Install, products: onnx.ModelProto, tmp_path: Path, typing: Any, kept: Any, mechanism: str, precision: str
) -> None:
    module = double("10.16.1").trt
    plan = None if kept is None else PrecisionPlan("fp16", kept)
    (_, network, _), request = parsed(products, tmp_path, plan=plan, marks=("h",))
    (mark,) = edit(network, module, request, typing, [].append)
    assert (mark.tensor, mark.mechanism, mark.precision) == ("h", mechanism, precision)


def calibrating(folder: Path, **settings: Any) -> dict[str, Any]:
    feeds = ({"x": np.full((1, 6), value, np.float32)} for value in (1.0, 2.0))
    samples = write_feeds(feeds, folder / "samples")
    return {"plan": QUANTIZED, "settings": EngineSettings("weak", **settings), "calibration": samples}


@pytest.mark.parametrize("changed", [{"plan": PrecisionPlan("fp16")}, {"settings": EngineSettings("weak")}])
def test_nothing_is_calibrated_without_eight_bits_or_a_calibrator(
    double: Install, products: onnx.ModelProto, tmp_path: Path, changed: dict[str, Any]
) -> None:
    module = double("10.16.1").trt
    (_, network, _), request = parsed(products, tmp_path, **calibrating(tmp_path, calibrator="minmax") | changed)
    assert calibration(module, network, request, tmp_path / "cache") == (None, None)


def test_the_samples_in_the_folder_are_what_the_calibrator_is_fed(
    double: Install, products: onnx.ModelProto, tmp_path: Path
) -> None:
    module = double("10.16.1").trt
    (_, network, _), request = parsed(products, tmp_path, **calibrating(tmp_path, calibrator="minmax"))
    calibrator, batches = calibration(module, network, request, tmp_path / "cache")
    assert isinstance(calibrator, module.IInt8MinMaxCalibrator)
    assert batches is not None
    assert [float(feed["x"][0, 0]) for feed in batches] == [1.0, 2.0]
    assert batches.calibrated().says == "calibrated on 2 samples"


def test_without_samples_and_cache_there_is_nothing_to_calibrate_on(
    double: Install, products: onnx.ModelProto, tmp_path: Path
) -> None:
    module = double("10.16.1").trt
    (_, network, _), request = parsed(products, tmp_path, **calibrating(tmp_path, calibrator="minmax"))
    with pytest.raises(BackendError, match="calibrator minmax has no samples"):
        calibration(module, network, replace(request, calibration=None), tmp_path / "cache")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("TRT-101601-MinMaxCalibration", ""),
        ("TRT-8601-MinMaxCalibration", r"mine\.cache: its header says TensorRT 8\.6\.1"),
        ("TRT-101601-EntropyCalibration2", r"mine\.cache: its header says EntropyCalibration2"),
    ],
)
def test_a_cache_that_tensorrt_would_skip_is_refused_by_its_own_name(
    double: Install, products: onnx.ModelProto, tmp_path: Path, header: str, said: str
) -> None:
    module, mine = double("10.16.1").trt, tmp_path / "mine.cache"
    mine.write_text(header + "".join(f"\n{name}: 3c010a14" for name in "xhry") + "\n", encoding="utf-8")
    (_, network, _), request = parsed(products, tmp_path, **calibrating(tmp_path, calibrator="minmax", cache=mine))
    if said:
        with pytest.raises(BackendError, match=said):
            calibration(module, network, request, tmp_path / "cache")
        return
    calibrator, _ = calibration(module, network, replace(request, calibration=None), tmp_path / "cache")
    assert bytes(calibrator.read_calibration_cache()) == mine.read_bytes()

"""The shipped U-Net: what the issue of raw counts in FP16 needs, and that it segments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

FP16_MAX = 65504
FOLDER_LIMIT = 5_000_000


@pytest.fixture(scope="module")
def path(root: Path) -> Path:
    return root / "models" / "unet" / "unet.onnx"


@pytest.fixture(scope="module")
def model(path: Path) -> onnx.ModelProto:
    return onnx.load(path)


def shape(value: onnx.ValueInfoProto) -> list[int | str]:
    return [one.dim_param or one.dim_value for one in value.type.tensor_type.shape.dim]


def test_it_takes_any_number_of_raw_frames(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    assert [(one.name, shape(one)) for one in model.graph.input] == [("image", ["N", 1, 256, 256])]
    assert [(one.name, shape(one)) for one in model.graph.output] == [("mask", ["N", 1, 256, 256])]


def test_the_first_nodes_are_convolution_norm_and_relu_on_the_input_itself(model: onnx.ModelProto) -> None:
    first = list(model.graph.node[:3])
    assert [node.name for node in first] == [
        "/down0/conv0/Conv",
        "/down0/bn0/BatchNormalization",
        "/down0/relu0/Relu",
    ]
    assert first[0].input[0] == "image"
    weights = {one.name: one for one in model.graph.initializer}
    assert list(weights[first[0].input[1]].dims) == [40, 1, 3, 3]


def test_every_node_is_a_layer_with_a_name_of_its_own(model: onnx.ModelProto) -> None:
    names = [node.name for node in model.graph.node]
    assert len(set(names)) == len(names)
    assert {node.op_type for node in model.graph.node} == {
        "BatchNormalization",
        "Concat",
        "Conv",
        "ConvTranspose",
        "MaxPool",
        "Relu",
        "Sigmoid",
    }


def test_only_the_first_norm_has_variances_beyond_fp16(model: onnx.ModelProto) -> None:
    """The natural cause: the variance of raw counts. All other weights fit."""
    large = {one.name for one in model.graph.initializer if np.abs(numpy_helper.to_array(one)).max() > FP16_MAX}
    assert large == {"down0.bn0.running_var"}


def test_it_segments_dim_mixed_and_bright_fields(root: Path, path: Path) -> None:
    with np.load(root / "models" / "unet" / "eval.npz") as archive:
        image, masks = archive["image"][:3].astype(np.float32), archive["masks"][:3] > 0
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (probability,) = session.run(["mask"], {"image": image})
    found = probability > 0.5
    iou = (found & masks).sum(axis=(1, 2, 3)) / (found | masks).sum(axis=(1, 2, 3))
    assert iou.min() >= 0.95


def test_model_data_and_scripts_take_at_most_5_mb(root: Path) -> None:
    files = [one for one in (root / "models" / "unet").iterdir() if one.is_file()]
    assert sum(one.stat().st_size for one in files) <= FOLDER_LIMIT

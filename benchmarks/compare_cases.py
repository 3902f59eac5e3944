"""The networks on which comparisons are timed: what each is, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from fetched import CLOUD, FetchError, fetch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from trtflow.model.load import load

ROOT = Path(__file__).parents[1]
FETCHED = ROOT / "models" / "fetched"
SEED = 7

Feeds = list[dict[str, NDArray[Any]]]


def convolutions(blocks: int = 40, channels: int = 32, side: int = 128) -> onnx.ModelProto:
    """``blocks`` of Conv, BatchNormalization and Relu on 1 × ``channels`` × ``side`` × ``side``."""
    random = np.random.default_rng(SEED)
    shape = [1, channels, side, side]
    nodes, weights, source = [], [], "x"

    def constant(name: str, values: NDArray[Any]) -> str:
        weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    for i in range(blocks):
        kernel = random.standard_normal((channels, channels, 3, 3)) * np.sqrt(2 / (9 * channels))
        norm = [np.ones(channels), random.standard_normal(channels) * 0.1, np.zeros(channels), np.ones(channels)]
        names = [constant(f"{name}{i}", values) for name, values in zip(("s", "b", "m", "v"), norm, strict=True)]
        nodes += [
            helper.make_node("Conv", [source, constant(f"w{i}", kernel)], [f"c{i}"], f"conv{i}", pads=[1] * 4),
            helper.make_node("BatchNormalization", [f"c{i}", *names], [f"n{i}"], f"norm{i}"),
            helper.make_node("Relu", [f"n{i}"], [f"r{i}"], f"relu{i}"),
        ]
        source = f"r{i}"
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", source)]
    graph = helper.make_graph(nodes, "convolutions", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def unet() -> onnx.ModelProto:
    """The example."""
    return load(ROOT / "models" / "unet" / "unet.onnx").model


def cloud() -> onnx.ModelProto:
    """A U-Net that finds clouds in satellite images, EfficientNet-B4 encoder, 40 MB, upcast from FP16."""
    return load(FETCHED / "cloud-unet.onnx").model


def fetch_cloud() -> str | None:
    """Bring the cloud U-Net from its PyPI package; a word when that is not possible."""
    try:
        fetch(CLOUD, FETCHED)
    except FetchError as error:
        return f"left out: {error}"
    return None


MODELS: dict[str, Callable[[], onnx.ModelProto]] = {"convolutions": convolutions, "unet": unet, "cloud": cloud}


def make_feeds(model: onnx.ModelProto, count: int) -> Feeds:
    """Standard normal samples for the inputs of ``model``; free dimensions are 1."""
    random = np.random.default_rng(SEED)
    shapes = {
        value.name: [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim] for value in model.graph.input
    }
    return [{name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()} for _ in range(count)]

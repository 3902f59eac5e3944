"""Networks in which the node that a low precision breaks is known, and their samples."""

from __future__ import annotations

import numpy as np
import onnx
from graph_models import f32, info, model, node
from numpy.typing import NDArray

from trtflow.data import Dataset, Sample

SIDE = 16


def pictures(seed: int, count: int = 12) -> NDArray[np.float32]:
    """Smooth pictures around 0.5, [count, 3, 16, 16]."""
    waves = np.random.default_rng(seed).normal(0, 0.3, (count, 3, SIDE, SIDE)).cumsum(-1).cumsum(-2) / 8
    return np.clip(0.5 + waves, 0, 1).astype(np.float32)


def dataset(images: NDArray[np.float32], size: int = 1) -> Dataset:
    """``images`` fed as ``x``, ``size`` at a time."""
    samples = [Sample({"x": images[start : start + size]}) for start in range(0, len(images), size)]
    return Dataset("pictures.npz", lambda: iter(samples))


def int8_network() -> onnx.ModelProto:
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
        node("Conv", "x w1", "a", "first", **pads),
        node("Relu", "a", "b", "relu"),
        node("Conv", "b w2", "c", "second", **pads),
        node("Tanh", "c", "d", "squash"),
        node("Conv", "d w3", "e", "third", **pads),
        node("Mul", "e up", "f", "loud"),
        node("Mul", "f down", "g", "hush"),
        node("Conv", "g w4", "y", "last"),
    ]
    ports = [info("x", ["N", 3, SIDE, SIDE])], [info("y", ["N", 1, SIDE, SIDE])]
    return model(nodes, *ports, [f32(name, value) for name, value in weights.items()])


def divided_network() -> onnx.ModelProto:
    """FP16 breaks ``scale`` alone: its divisor exceeds the format, and nothing that it reads or writes does."""
    rng = np.random.default_rng(0)
    weights = {"w1": rng.normal(0, 400, (8, 3, 3, 3)), "big": np.float32(1e5), "w2": rng.normal(0, 1, (8, 8, 3, 3))}
    nodes = [
        node("Conv", "x w1", "a", "first", pads=[1, 1, 1, 1]),
        node("Relu", "a", "b", "relu"),
        node("Div", "b big", "c", "scale"),
        node("Conv", "c w2", "y", "last", pads=[1, 1, 1, 1]),
    ]
    ports = [info("x", ["N", 3, SIDE, SIDE])], [info("y", ["N", 8, SIDE, SIDE])]
    return model(nodes, *ports, [f32(name, value) for name, value in weights.items()])


def rows(*values: float) -> list[Sample]:
    """Samples of four equal numbers each, labelled by the number, as ``overflowing`` takes them."""
    return [Sample({"x": np.full((1, 4), value, np.float32)}, label=value) for value in values]

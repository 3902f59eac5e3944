"""Networks whose outputs depend on a selection, and their samples."""

from __future__ import annotations

import numpy as np
import onnx
from graph_models import f32, i64, info, model, node
from numpy.typing import NDArray
from onnx import TensorProto

from trtflow.data import Dataset, Sample

QUERIES, CLASSES, WIDTH, BEST = 40, 6, 16, 20
SIDE, PEAKS = 96, 8


def dataset(arrays: list[NDArray[np.float32]]) -> Dataset:
    """``arrays`` fed as ``x``, one at a time."""
    samples = [Sample({"x": array}) for array in arrays]
    return Dataset("arrays", lambda: iter(samples))


def queries(count: int = 6) -> Dataset:
    """What ``best_queries`` takes."""
    rng = np.random.default_rng(1)
    return dataset([rng.normal(size=(1, QUERIES, WIDTH)).astype(np.float32) for _ in range(count)])


def best_queries() -> onnx.ModelProto:
    """Classes and boxes per query, of which the best pairs of query and class are returned, near ties among them."""
    rng = np.random.default_rng(2)
    weights = {"w": (WIDTH, WIDTH), "wc": (WIDTH, CLASSES), "wb": (WIDTH, 4)}
    nodes = [
        node("MatMul", "x w", "a", "body"),
        node("Relu", "a", "h", "relu"),
        node("MatMul", "h wc", "c", "classes"),
        node("Sigmoid", "c", "p", "probability"),
        node("MatMul", "h wb", "b", "boxes"),
        node("Reshape", "p flat", "f", "flatten"),
        node("TopK", "f k", "scores i", "best", axis=1),
        node("Div", "i classes", "q", "query"),
        node("Mod", "i classes", "labels", "label"),
        node("Unsqueeze", "q two", "u", "column"),
        node("Tile", "u four", "t", "columns"),
        node("GatherElements", "b t", "rows", "pick", axis=1),
    ]
    constants = {"flat": [0, QUERIES * CLASSES], "k": [BEST], "classes": CLASSES, "two": [2], "four": [1, 1, 4]}
    outputs = [info("scores", [1, BEST]), info("labels", [1, BEST], TensorProto.INT64), info("rows", [1, BEST, 4])]
    initializers = [f32(name, rng.normal(size=shape) / 4) for name, shape in weights.items()]
    initializers += [i64(name, value) for name, value in constants.items()]
    return model(nodes, [info("x", [1, QUERIES, WIDTH])], outputs, initializers)


def heatmaps(count: int = 6) -> Dataset:
    """What ``peaks`` takes: noise with a few peaks that stand out."""
    rng, found = np.random.default_rng(3), []
    for _ in range(count):
        array = rng.normal(size=(1, 1, SIDE, SIDE)).astype(np.float32) * 0.01
        places = rng.choice(SIDE * SIDE, PEAKS, replace=False)
        array.reshape(-1)[places] = 1 + 0.1 * rng.permutation(PEAKS)
        found.append(array)
    return dataset(found)


def peaks() -> onnx.ModelProto:
    """The positions of the highest peaks, computed from their indices in floats: FP16 has no odd ones beyond 2048."""
    nodes = [
        node("Mul", "x gain", "m", "gain"),
        node("Reshape", "m flat", "f", "flatten"),
        node("TopK", "f k", "score i", "best", axis=1),
        node("Cast", "i", "n", "number", to=TensorProto.FLOAT),
        node("Div", "n side", "d", "divide"),
        node("Floor", "d", "row", "row"),
        node("Mul", "row side", "start", "start"),
        node("Sub", "n start", "column", "column"),
        node("Unsqueeze", "row two", "ru", "rows"),
        node("Unsqueeze", "column two", "cu", "columns"),
        node("Concat", "cu ru", "xy", "pair", axis=2),
        node("Mul", "xy step", "centers", "stride"),
    ]
    constants = [f32("gain", 0.7), f32("side", SIDE), f32("step", 4), i64("flat", [1, SIDE * SIDE])]
    constants += [i64("k", [PEAKS]), i64("two", [2])]
    outputs = [info("score", [1, PEAKS]), info("centers", [1, PEAKS, 2])]
    return model(nodes, [info("x", [1, 1, SIDE, SIDE])], outputs, constants)


def images(count: int = 12) -> Dataset:
    """What ``classes_of_pixels`` takes."""
    rng = np.random.default_rng(4)
    coarse = [rng.normal(size=(1, 3, 4, 4)).astype(np.float32) for _ in range(count)]
    return dataset([np.kron(array, np.ones((3, 3), np.float32)) for array in coarse])


def classes_of_pixels(loud: float = 1.0) -> onnx.ModelProto:
    """An ArgMax over convolutions: one integer output. ``loud`` scales what ``up`` makes, and ``down`` undoes it."""
    rng = np.random.default_rng(5)
    shapes = {"w1": (8, 3, 3, 3), "w2": (8, 8, 3, 3), "w3": (5, 8, 1, 1)}
    nodes = [
        node("Conv", "x w1", "a", "first", pads=[1] * 4),
        node("Relu", "a", "b", "relu"),
        node("Mul", "b more", "c", "up"),
        node("Mul", "c less", "d", "down"),
        node("Conv", "d w2", "e", "second", pads=[1] * 4),
        node("Relu", "e", "f", "again"),
        node("Conv", "f w3", "logits", "head"),
        node("ArgMax", "logits", "map", "decide", axis=1, keepdims=0),
    ]
    constants = [f32(name, rng.normal(size=shape) / 3) for name, shape in shapes.items()]
    constants += [f32("more", loud), f32("less", 1 / loud)]
    return model(nodes, [info("x", [1, 3, 12, 12])], [info("map", [1, 12, 12], TensorProto.INT64)], constants)


def survivors() -> onnx.ModelProto:
    """Boxes and scores per cell through NonMaxSuppression: picked boxes, and the indices themselves."""
    rng = np.random.default_rng(6)
    nodes = [
        node("MatMul", "x wb", "b", "boxes"),
        node("MatMul", "x ws", "l", "logits"),
        node("Sigmoid", "l", "s", "scores"),
        node("Transpose", "s", "st", "turn", perm=[0, 2, 1]),
        node("NonMaxSuppression", "b st most overlap least", "selected", "nms"),
        node("Gather", "selected last", "i", "index", axis=1),
        node("Gather", "b i", "p", "pick", axis=1),
        node("Squeeze", "p zero", "kept", "drop"),
    ]
    constants = [f32("wb", rng.normal(size=(WIDTH, 4))), f32("ws", rng.normal(size=(WIDTH, 2)))]
    constants += [f32("overlap", [0.5]), f32("least", [0.3])]
    constants += [i64("most", [30]), i64("last", 2), i64("zero", [0])]
    outputs = [info("kept", ["found", 4]), info("selected", ["found", 3], TensorProto.INT64)]
    return model(nodes, [info("x", [1, QUERIES, WIDTH])], outputs, constants)

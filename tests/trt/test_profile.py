"""A profile bounds what the network leaves free, by the network's own names, and nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto

from trtflow.errors import BuildError
from trtflow.trt.building import build
from trtflow.trt.profile import SampledProfile, by_engine_names
from trtflow.trt.request import EngineRequest
from trtflow.trt.shapes import Bounds, ShapeRange, shape_ranges

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
RANGE = ShapeRange((1, 4), (2, 4), (3, 4))


class Builder:
    """Notes what a profile is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def create_optimization_profile(self) -> SimpleNamespace:
        note = lambda *bounds: self.told.append(bounds)  # noqa: E731
        return SimpleNamespace(set_shape=note, set_shape_input=lambda *bounds: note("values", *bounds))


def tensor(name: str, *shape: int, holds_shape: bool = False) -> SimpleNamespace:
    return SimpleNamespace(name=name, shape=shape, is_shape_tensor=holds_shape)


def told(shapes: dict[str, ShapeRange], *inputs: SimpleNamespace) -> list[tuple[Any, ...]]:
    builder = Builder()
    network = SimpleNamespace(num_inputs=len(inputs), get_input=inputs.__getitem__)
    SampledProfile(shapes).fill_defaults(network).to_trt(builder, network)
    return builder.told


@pytest.mark.parametrize(
    ("shapes", "network", "expected"),
    [
        ({"x": RANGE}, tensor("x", -1, 4), [("x", (1, 4), (2, 4), (3, 4))]),
        ({"x": RANGE}, tensor("__x", -1, 4), [("__x", (1, 4), (2, 4), (3, 4))]),
        ({"x[1]*": RANGE}, tensor("x[1]*", -1, 4), [("x[1]*", (1, 4), (2, 4), (3, 4))]),
        ({"x": RANGE}, tensor("x", 2, 4), []),
        ({"s": ShapeRange((), (), ())}, tensor("s"), []),
        (
            {"s": ShapeRange((2,), (2,), (2,), Bounds((1, 4), (2, 4), (3, 4)))},
            tensor("s", 2, holds_shape=True),
            [("values", "s", (1, 4), (2, 4), (3, 4))],
        ),
    ],
    ids=["free", "returned as well", "a name like a pattern", "static", "0-d", "a shape"],
)
def test_what_is_bounded(shapes: dict[str, ShapeRange], network: SimpleNamespace, expected: list[Any]) -> None:
    assert told(shapes, network) == expected


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (tensor("other", -1, 4), "the network takes 'other', of free dimensions, and the samples hold x"),
        (tensor("x", 2, holds_shape=True), "'x' holds a shape; expected as many integers in all samples"),
    ],
    ids=["fed by nobody", "no values"],
)
def test_what_cannot_be_bounded_is_an_error(network: SimpleNamespace, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        told({"x": RANGE}, network)


def test_an_engine_is_fed_by_its_own_names() -> None:
    assert by_engine_names({"x": 1, "s": 2}, {"__x": None, "s": None}) == {"__x": 1, "s": 2}


X = np.ones((2, 4), np.float32)
BUILT: dict[str, tuple[list[onnx.NodeProto], list[onnx.ValueInfoProto], dict[str, Any]]] = {
    "0-d": (
        [node("Cast", "s", "f", to=1), node("Mul", "x f", "y")],
        [info("x", ["n", 4]), info("s", [], TensorProto.INT64)],
        {"x": X, "s": np.array(2)},
    ),
    "0-d alone": ([node("Mul", "x w", "y")], [info("x", [])], {"x": X[0, 0]}),
    "static": ([node("Mul", "x w", "y")], [info("x", [2, 4])], {"x": X}),
    "no element": (
        [node("Concat", "x past", "y", axis=0)],
        [info("x", ["n", 4]), info("past", ["p", 4])],
        {"x": X, "past": X[:0]},
    ),
    "bool": (
        [node("Where", "s x w", "y")],
        [info("x", ["n", 4]), info("s", ["n", 1], TensorProto.BOOL)],
        {"x": X, "s": X[:, :1] > 0},
    ),
    "uint8": (
        [node("Cast", "x", "f", to=1), node("Mul", "f w", "y")],
        [info("x", ["n", 4], TensorProto.UINT8)],
        {"x": X.astype(np.uint8)},
    ),
    "a shape": (
        [node("Mul", "x w", "t"), node("Reshape", "t s", "y")],
        [info("x", ["n", 4]), info("s", [2], TensorProto.INT64)],
        {"x": X, "s": np.array([4, 2])},
    ),
    "returned as well": ([node("Mul", "x w", "y")], [info("x", ["n", 4])], {"x": X}),
}


@needs_rtx
@pytest.mark.parametrize("kind", BUILT)
def test_inputs_of_every_kind_are_built(kind: str, tmp_path: Path) -> None:
    nodes, inputs, feed = BUILT[kind]
    outputs = [info("y", None), *(inputs if kind == "returned as well" else [])]
    onnx.save(model(nodes, inputs, outputs, [f32("w", 3)]), tmp_path / "m.onnx")
    request = EngineRequest(tmp_path / "m.onnx", shape_ranges([feed, feed]))
    built = build(request, "tensorrt-rtx", tmp_path / "m.plan")
    assert built.bytes > 0

"""Marked tensors are floats that can be read, in batches that fit, each in the precision that its plan gives it."""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from graph_models import f32, i64, info, model, node
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from trtflow.errors import BuildError
from trtflow.model.layers import layers
from trtflow.model.load import load
from trtflow.model.shapes import inferred_shapes
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.rewriting.rewrite import rewrite
from trtflow.trt.capabilities import capabilities
from trtflow.trt.marking import Mark, Markable, mark, markable, network_tensors
from trtflow.trt.request import Capture

UNET = Path(__file__).parents[2] / "models" / "unet" / "unet.onnx"
needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)


def parsed(given: onnx.ModelProto) -> Any:
    """What TensorRT-RTX's parser makes of ``given``; what must outlive the network hangs on it."""
    import tensorrt_rtx as trt

    builder = trt.Builder(trt.Logger(trt.Logger.INTERNAL_ERROR))
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, trt.Logger(trt.Logger.INTERNAL_ERROR))
    assert parser.parse(given.SerializeToString()), parser.get_error(0).desc()
    return SimpleNamespace(builder=builder, network=network, parser=parser)


def built(parsed_model: Any, **shapes: tuple[int, ...]) -> bool:
    config = parsed_model.builder.create_builder_config()
    profile = parsed_model.builder.create_optimization_profile()
    for name, shape in shapes.items():
        profile.set_shape(name, shape, shape, shape)
    config.add_optimization_profile(profile)
    return parsed_model.builder.build_serialized_network(parsed_model.network, config) is not None


def looping() -> onnx.ModelProto:
    """y = 2·(x doubled three times), beside a comparison and an index."""
    body = helper.make_graph(
        [node("Add", "s s", "t", "double"), node("Identity", "go", "on", "goes")],
        "body",
        [info("i", [], TensorProto.INT64), info("go", [], TensorProto.BOOL), info("s", [2, 4])],
        [info("on", [], TensorProto.BOOL), info("t", [2, 4])],
    )
    nodes = [
        node("Relu", "x", "r", "relu"),
        node("Loop", "trips always r", "l", "loop", body=body),
        node("Greater", "l one", "above", "greater"),
        node("Where", "above l one", "w", "where"),
        node("Add", "w w", "y", "add"),
        node("ArgMax", "w", "index", "argmax", axis=1),
    ]
    always = helper.make_tensor("always", TensorProto.BOOL, [], [True])
    outputs = [info("y", [2, 4]), info("index", [2, 1], TensorProto.INT64)]
    return model(nodes, [info("x", [2, 4])], outputs, [i64("trips", 3), f32("one", [1.0]), always])


@needs_rtx
def test_float_tensors_of_the_main_graph_are_markable_and_the_rest_is_refused_with_why() -> None:
    made = parsed(looping())
    found = markable(made.network, ["r", "t", "l", "above", "w", "y", "index", "absent"])
    assert found.tensors == dict.fromkeys(["r", "l", "w", "y"], 2 * 4 * 4)
    assert found.refused == {
        "t": "it lies in a body of a Loop or an If",
        "above": "it is BOOL, not floating point",
        "index": "it is INT64, not floating point",
        "absent": "the parsed network has no tensor of that name",
    }
    assert {entry.name for entry in mark(made.network, [*found.tensors])} == {"r", "l", "w", "y"}
    assert built(made)


@needs_rtx
def test_what_holds_a_shape_is_refused_even_where_it_is_a_float() -> None:
    nodes = [
        node("Shape", "x", "ints", "shape"),
        node("Cast", "ints", "floats", "cast", to=TensorProto.FLOAT),
        node("Cast", "floats", "back", "uncast", to=TensorProto.INT64),
        node("Relu", "x", "r", "relu"),
        node("Reshape", "r back", "y", "reshape"),
    ]
    made = parsed(model(nodes, [info("x", ["N", 4])], [info("y", ["N", 4])]))
    found = markable(made.network, ["ints", "floats", "back", "r"])
    assert found.refused == dict.fromkeys(["ints", "floats", "back"], "it holds a shape")
    assert [*found.tensors] == ["r"]


@needs_rtx
@pytest.mark.parametrize("low", ["fp32", "fp16", "bf16"])
def test_the_unet_is_marked_in_batches_that_build_and_hands_everything_out_in_fp32(low: Precision) -> None:
    original = load(UNET).model
    typed = rewrite(original, PrecisionPlan(low)).model
    shape = (1, 1, 256, 256)
    wanted = [layer.tensor for layer in layers(original)]
    found = markable(parsed(typed).network, wanted, inferred_shapes(original, {"image": shape}))
    assert (found.refused, [*found.tensors]) == ({}, wanted)
    batches = found.batches(50_000_000)
    assert all(sum(found.tensors[name] for name in batch) <= 50_000_000 for batch in batches)
    assert len(batches) > 1
    for batch in batches:
        made = parsed(typed)
        marks = mark(made.network, batch)
        assert tuple(entry.tensor for entry in marks) == batch
        outputs = [made.network.get_output(index) for index in range(made.network.num_outputs)]
        assert {tensor.dtype.name for tensor in outputs} == {"FLOAT"}
        assert {entry.name for entry in marks} <= {tensor.name for tensor in outputs}
        assert built(made, image=shape)


@needs_rtx
def test_a_marked_fp16_tensor_stays_fp16_before_the_cast_that_hands_it_out() -> None:
    typed = rewrite(load(UNET).model, PrecisionPlan("fp16")).model
    made = parsed(typed)
    first = "/down0/conv0/Conv_output_0"
    (entry,) = mark(made.network, [first])
    assert (entry.tensor, entry.mechanism, entry.precision) == (first, "cast", "fp16")
    known = network_tensors(made.network)
    assert (known[first].dtype.name, known[entry.name].dtype.name) == ("HALF", "FLOAT")
    assert not known[first].is_network_output


@needs_rtx
def test_a_name_that_the_network_has_already_is_not_taken() -> None:
    low = [node("Cast", "x", "h", "in", to=TensorProto.FLOAT16), node("Relu", "h", "a", "relu")]
    made = parsed(model([*low, node("Cast", "a", "a__fp32", "out", to=1)], [info("x", [2])], [info("a__fp32", [2])]))
    assert mark(made.network, ["a", "h"]) == (
        Mark("a", "a__fp32_", "cast", "fp16"),
        Mark("h", "h__fp32", "cast", "fp16"),
    )
    assert built(made)


@needs_rtx
def test_an_output_of_the_network_is_not_marked_twice() -> None:
    made = parsed(looping())
    before = made.network.num_outputs
    assert mark(made.network, ["y"]) == (Mark("y", "y", "typed", "fp32"),)
    assert made.network.num_outputs == before


@needs_rtx
def test_debug_tensors_are_marked_as_they_are_and_unfused_ones_all_at_once() -> None:
    made = parsed(rewrite(load(UNET).model, PrecisionPlan("fp16")).model)
    first = "/down0/conv0/Conv_output_0"
    before = made.network.num_layers
    assert mark(made.network, [first], "debug") == (Mark(first, first, "debug", "fp16"),)
    assert made.network.is_debug_tensor(network_tensors(made.network)[first])
    assert mark(made.network, [first], "unfused-debug") == ()
    assert made.network.num_layers == before


@needs_rtx
def test_an_unknown_tensor_is_named() -> None:
    with pytest.raises(BuildError, match="no tensor 'absent' to mark"):
        mark(parsed(looping()).network, ["absent"])


class Type(Enum):
    FLOAT = 0
    HALF = 1
    BF16 = 2
    INT8 = 3


@dataclass
class Weak:
    """A weakly typed network of one layer x → h → y, which notes what it is told; its tensors are FP32."""

    told: list[tuple[Any, ...]] = field(default_factory=list)
    agrees: bool = True

    def __post_init__(self) -> None:
        self.tensors = [self._tensor("x"), self._tensor("h"), self._tensor("y", is_network_output=True)]
        self.layers = [Layer(self, "first", *self.tensors[:2]), Layer(self, "last", *self.tensors[1:])]
        self.num_layers, self.num_inputs = 2, 1

    def _tensor(self, name: str, is_network_output: bool = False) -> SimpleNamespace:
        return SimpleNamespace(name=name, dtype=Type.FLOAT, is_network_output=is_network_output)

    def get_input(self, _: int) -> SimpleNamespace:
        return self.tensors[0]

    def get_layer(self, index: int) -> Layer:
        return self.layers[index]

    def add_cast(self, tensor: SimpleNamespace, to: Type) -> SimpleNamespace:
        self.told.append(("cast", tensor.name, to))
        made = self._tensor("made")
        return SimpleNamespace(name="", get_output=lambda _: made)

    def mark_output(self, tensor: SimpleNamespace) -> None:
        self.told.append(("output", tensor.name))

    def mark_debug(self, tensor: SimpleNamespace) -> bool:
        return self.agrees

    def mark_unfused_tensors_as_debug_tensors(self) -> bool:
        return self.agrees


@dataclass
class Layer:
    """A layer whose precision can be set."""

    network: Weak
    name: str
    read: SimpleNamespace
    written: SimpleNamespace
    num_outputs: int = 1

    def get_output(self, _: int) -> SimpleNamespace:
        return self.written

    def __setattr__(self, key: str, value: Any) -> None:
        if key == "precision":
            self.network.told.append(("precision", self.name, value))
        super().__setattr__(key, value)

    def set_output_type(self, index: int, asked: Type) -> None:
        self.network.told.append(("type", self.name, index, asked))


@pytest.mark.parametrize(
    ("tensor", "precision", "told", "made"),
    [
        (
            "h",
            "fp16",
            [
                ("precision", "first", Type.HALF),
                ("type", "first", 0, Type.HALF),
                ("cast", "h", Type.FLOAT),
                ("output", "h__fp32"),
            ],
            Mark("h", "h__fp32", "constraint", "fp16"),
        ),
        (
            "h",
            "fp32",
            [("precision", "first", Type.FLOAT), ("type", "first", 0, Type.FLOAT), ("output", "h")],
            Mark("h", "h", "constraint", "fp32"),
        ),
        ("h", "int8", [("output", "h")], Mark("h", "h", "typed", "fp32")),
        ("y", "fp16", [], Mark("y", "y", "typed", "fp32")),
        ("x", "fp16", [("output", "x")], Mark("x", "x", "typed", "fp32")),
    ],
    ids=["low", "kept", "codes", "interface", "input"],
)
def test_a_weakly_typed_layer_is_held_by_precision_and_output_type(
    tensor: str, precision: Precision, told: list[tuple[Any, ...]], made: Mark
) -> None:
    network = Weak()
    assert mark(network, [tensor], typing="weak", precisions={tensor: precision}) == (made,)
    assert network.told == told


@pytest.mark.parametrize("capture", ["debug", "unfused-debug"])
def test_a_mark_that_tensorrt_refuses_is_an_error(capture: Capture) -> None:
    with pytest.raises(BuildError, match="`capture: outputs` may do"):
        mark(Weak(agrees=False), ["h"], capture)


@needs_rtx
def test_tensorrt_rtx_has_all_captures() -> None:
    import tensorrt_rtx

    able = capabilities(tensorrt_rtx)
    assert (able.debug, able.unfused_debug) == (True, True)


@given(st.dictionaries(st.text(), st.integers(0, 100)), st.integers(1, 120))
def test_batches_keep_the_order_and_the_memory(sizes: dict[str, int], memory: int) -> None:
    batches = Markable(sizes, {}).batches(memory)
    assert [name for batch in batches for name in batch] == [*sizes]
    assert all(sum(map(sizes.__getitem__, batch)) <= memory or len(batch) == 1 for batch in batches)
    assert all(sum(map(sizes.__getitem__, one)) + sizes[other[0]] > memory for one, other in pairwise(batches))


@needs_rtx
def test_a_free_dimension_counts_as_the_largest_size_where_nothing_is_known_of_it() -> None:
    nodes = [node("Relu", "x", "a", "one"), node("Relu", "a", "y", "two")]
    made = parsed(model(nodes, [info("x", ["N", 4])], [info("y", ["N", 4])], []))
    assert markable(made.network, ["a", "y"], {"y": (9, 4)}).tensors == {"a": 9 * 4 * 4, "y": 9 * 4 * 4}


@needs_rtx
def test_of_the_unet_all_but_what_is_kept_are_cast() -> None:
    original = load(UNET).model
    kept = layers(original)[0]
    made = parsed(rewrite(original, PrecisionPlan("fp16", {kept.node: "fp32"})).model)
    marks = mark(made.network, [layer.tensor for layer in layers(original)])
    assert marks[0] == Mark(kept.tensor, kept.tensor, "typed", "fp32")
    assert (
        Counter(entry.mechanism for entry in marks)["cast"] == sum(entry.precision == "fp16" for entry in marks) > 30
    )

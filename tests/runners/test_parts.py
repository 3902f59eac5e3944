"""Which parts of an output are judged apart: what was joined on another scale, never what is just rare or silent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtflow.data import Sample
from trtflow.numerics.parts import Parts
from trtflow.runners.outputs import Kept
from trtflow.runners.parts import learn_parts
from trtflow.runners.reference import ReferenceRunner

CONSTANTS = {
    "large": np.float32(640),
    "medium": np.float32(60),
    "small": np.float32(1),
    "tiny": np.float32(1e-3),
    "mixed": np.array([640, 640, 1], np.float32),
    "gentle": np.array([100, 10, 1], np.float32),
    "silent": np.array([640, 0, 0], np.float32),
}


def network(*nodes: onnx.NodeProto, width: int | str = 3) -> onnx.ModelProto:
    """``nodes`` from x to y, both of free height and of ``width``."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width]) for name in ("x", "y"))
    y.type.tensor_type.ClearField("shape")
    tensors = [numpy_helper.from_array(value, name) for name, value in CONSTANTS.items()]
    graph = helper.make_graph(nodes, "parts", [x], [y], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(op: str, inputs: str, output: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), [output], f"make_{output}", **attributes)


def joined(*scales: str, axis: int = 1) -> list[onnx.NodeProto]:
    """The input times each of ``scales``, and all of that in one Concat."""
    made = [node("Mul", f"x {scale}", f"{scale}_x") for scale in scales]
    return [*made, node("Concat", " ".join(f"{scale}_x" for scale in scales), axis=axis)]


def samples(*fed: Any) -> list[Sample]:
    return [Sample({"x": np.array(values, np.float32)}) for values in fed]


STEADY = samples([[1, 0.9, 0.8]], [[0.7, 1, 0.9]], [[0.8, 0.7, 1]])


def learned(model: onnx.ModelProto, data: Sequence[Sample] = STEADY) -> Parts:
    with ReferenceRunner(model) as runner:
        return learn_parts(model, data, Kept(runner(sample.feed) for sample in data))


def names(model: onnx.ModelProto, data: Sequence[Sample] = STEADY) -> tuple[str, ...]:
    found = learned(model, data).divisions
    return found["y"].names if found else ()


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (
            joined("large", "small"),
            ("y (0-2 of axis 1, from make_large_x)", "y (3-5 of axis 1, from make_small_x)"),
        ),
        (
            joined("small", "large"),
            ("y (3-5 of axis 1, from make_large_x)", "y (0-2 of axis 1, from make_small_x)"),
        ),
        (
            joined("large", "medium", "small", "tiny"),
            (
                "y (0-5 of axis 1, from make_large_x, make_medium_x)",
                "y (6-8 of axis 1, from make_small_x)",
                "y (9-11 of axis 1, from make_tiny_x)",
            ),
        ),
        (joined("large", "medium"), ()),
        ([node("Concat", "x x", "xx", axis=0), node("Mul", "xx gentle")], ()),
    ],
)
def test_operands_of_a_concat_are_apart_where_their_scales_are(
    nodes: list[onnx.NodeProto], expected: tuple[str, ...]
) -> None:
    assert names(network(*nodes)) == expected


def test_free_shapes_have_names_without_places_and_labels_by_shape() -> None:
    found = learned(network(*joined("large", "small"), width="W"), samples([[1]], [[1, 1]])).divisions["y"]
    assert found.names == ("y (from make_large_x)", "y (from make_small_x)")
    assert {shape: labels.tolist() for shape, labels in found.labels.items()} == {
        (1, 2): [[0, 1]],
        (1, 4): [[0, 0, 1, 1]],
    }


def test_the_same_shape_joined_in_two_ways_is_left_whole() -> None:
    nodes = [node("Mul", "x large", "a"), node("Mul", "z small", "b"), node("Concat", "a b", axis=1)]
    model = network(*nodes, width="W")
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", "V"]))
    one, two = np.ones((1, 1), np.float32), np.ones((1, 2), np.float32)
    assert names(model, [Sample({"x": one, "z": two}), Sample({"x": two, "z": one})]) == ()


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([node("Mul", "x mixed")], ("y (0-1 of axis 1)", "y (2 of axis 1)")),
        ([node("Mul", "x gentle")], ()),
        ([node("Mul", "x silent")], ()),
        ([node("Mul", "x large")], ()),
        ([node("Mul", "x mixed", "m"), node("Softmax", "m")], ()),
        ([node("Mul", "x mixed", "m"), node("Transpose", "m")], ()),  # axis 1 is the batch and free
        (joined("small", "small", axis=1)[1:], ()),
    ],
)
def test_channels_are_apart_where_no_concat_tells_and_their_scales_are_steady(
    nodes: list[onnx.NodeProto], expected: tuple[str, ...]
) -> None:
    assert names(network(*nodes)) == expected


def test_a_class_that_is_rarely_predicted_is_no_part_of_small_scale() -> None:
    rare = samples([[1, 1, 0.5]], [[1, 1, 0.01]], [[1, 1, 0.01]])
    assert names(network(node("Mul", "x mixed")), rare) == ()


def test_scores_of_several_heads_are_one_part_though_one_of_them_sees_nothing() -> None:
    nodes = [node("Sub", "x large", "none"), node("Sigmoid", "x", "s"), node("Sigmoid", "none", "t")]
    found = names(network(*nodes, node("Mul", "x large", "box"), node("Concat", "box s t", axis=1)))
    assert found == ("y (0-2 of axis 1, from make_box)", "y (3-8 of axis 1, from make_s, make_t)")


def test_chances_are_on_one_scale_whoever_computes_them() -> None:
    assert names(network(node("Mul", "x mixed", "m"), node("Div", "m large"))) == ()


def test_operands_on_one_scale_leave_it_to_the_channels() -> None:
    nodes = [node("Mul", "x mixed", "a"), node("Neg", "a", "b"), node("Concat", "a b", axis=0)]
    assert names(network(*nodes)) == ("y (0-1 of axis 1)", "y (2 of axis 1)")


def test_integers_and_missing_samples_have_no_parts() -> None:
    model = network(*joined("large", "small")[:-1], node("Shape", "large_x"))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    assert learned(model).divisions == {}
    assert learned(model, []).divisions == {}


def test_inner_tensors_are_divided_as_outputs_are() -> None:
    model = network(*joined("large", "small")[:-1], node("Concat", "large_x small_x", "j", axis=1), node("Abs", "j"))
    inner = np.array([[640, 640, 640, 1, 1, 1]], np.float32)
    assert set(learn_parts(model, STEADY[:1], Kept([{"j": inner}])).divisions) == {"j"}

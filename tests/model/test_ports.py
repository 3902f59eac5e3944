from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto, helper

from trtflow.data import Port
from trtflow.errors import ModelError
from trtflow.model.ports import declared_port, mark_outputs, model_inputs


def network() -> onnx.ModelProto:
    nodes = [node("Relu", "x", "a"), node("Add", "a w", "b"), node("Neg", "b", "y")]
    return model(nodes, [info("x", ["n", 3]), info("w", [3])], [info("y", ["n", 3])], [f32("w", [1, 2, 3])])


def test_weights_that_are_listed_among_the_inputs_are_not_fed() -> None:
    assert model_inputs(network()) == (Port("x", np.dtype(np.float32), (None, 3)),)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (info("i", [2, "n", None], TensorProto.INT64), Port("i", np.dtype(np.int64), (2, None, None))),
        (info("s", [], TensorProto.FLOAT16), Port("s", np.dtype(np.float16), ())),
        (info("b", [0], TensorProto.BOOL), Port("b", np.dtype(np.bool_), (0,))),
    ],
    ids=lambda value: value.name,
)
def test_a_port_has_name_dtype_and_shape_with_none_for_free_dimensions(
    value: onnx.ValueInfoProto, expected: Port
) -> None:
    assert declared_port(value) == expected


def test_an_input_that_is_no_tensor_is_an_error() -> None:
    with pytest.raises(ModelError, match="'s' is a sequence_type; expected a tensor"):
        declared_port(helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, [4]))


@pytest.mark.parametrize(
    ("tensors", "expected"),
    [(["a", "b"], ["y", "a", "b"]), (["b", "y"], ["y", "b"]), ([], ["y"])],
)
def test_a_marked_copy_returns_more(tensors: list[str], expected: list[str]) -> None:
    net = network()
    assert [value.name for value in mark_outputs(net, tensors).graph.output] == expected
    assert net == network()


def test_marked_tensors_come_without_a_type() -> None:
    assert mark_outputs(network(), ["a"]).graph.output[1] == onnx.ValueInfoProto(name="a")

"""What cannot be fed or compared is refused by name; free dimensions have one spelling."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto, helper

from trtflow.errors import ModelError
from trtflow.model.interface import check_interface, free_dimensions
from trtflow.model.load import load, prepare

SPARSE = helper.make_sparse_tensor_value_info("x", TensorProto.FLOAT, [4])
OPTIONAL = helper.make_value_info("x", helper.make_optional_type_proto(helper.make_tensor_type_proto(1, [4])))
MAP = onnx.ValueInfoProto(name="x")
MAP.type.map_type.key_type = TensorProto.INT64


def relu(x: onnx.ValueInfoProto, y: onnx.ValueInfoProto) -> onnx.ModelProto:
    return model([node("Relu", "x", "y")], [x], [y])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [4]), "is a sequence; expected a tensor"),
        (OPTIONAL, "is an optional; expected a tensor"),
        (MAP, "is a map; expected a tensor"),
        (SPARSE, "is a sparse tensor; expected a tensor"),
        (info("x", [4], TensorProto.INT4), "is INT4; expected a type of whole bytes"),
    ],
    ids=["sequence", "optional", "map", "sparse", "packed"],
)
@pytest.mark.parametrize("side", ["input", "output"])
def test_what_no_array_holds_is_refused_by_name(side: str, value: onnx.ValueInfoProto, said: str) -> None:
    net = relu(value, info("y", [4])) if side == "input" else relu(info("in", [4]), value)
    with pytest.raises(ModelError, match=f"^{side} 'x' {said}"):
        check_interface(net)


@pytest.mark.parametrize(
    ("value", "said"),
    [(info("x", None), "has no shape.*expected its rank at least"), (onnx.ValueInfoProto(name="x"), "has no type")],
    ids=["shape", "type"],
)
def test_an_input_must_be_declared_and_an_output_need_not(value: onnx.ValueInfoProto, said: str) -> None:
    with pytest.raises(ModelError, match=f"input 'x' {said}"):
        check_interface(relu(value, info("y", None)))
    check_interface(relu(info("in", []), value))


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ModelError, match=r"^input 'x' has no shape.*; output 'y' is UINT4.*\.$"):
        check_interface(relu(info("x", None), info("y", [4], TensorProto.UINT4)))


def test_what_is_listed_as_an_input_and_has_a_value_needs_no_shape() -> None:
    net = model([node("Add", "x w", "y")], [info("x", [4]), info("w", None)], [info("y", [4])], [f32("w", [1])])
    check_interface(net)


def test_a_file_is_refused_as_it_is_read(tmp_path: Path) -> None:
    onnx.save(relu(info("x", None), info("y", None)), tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="input 'x' has no shape"):
        load(tmp_path / "m.onnx")


@pytest.mark.parametrize("free", [-1, "?", ""])
def test_free_dimensions_have_no_value_and_no_name_that_names_nothing(free: int | str) -> None:
    net = relu(info("x", [free, "n", 4, 0]), info("y", [free, "n", 4, 0]))
    expected = relu(info("x", [None, "n", 4, 0]), info("y", [None, "n", 4, 0]))
    assert prepare(net) == (expected, ("free dimensions of x, y were written as -1, '?' or ''",))


def test_dimensions_that_are_spelt_well_are_left_alone() -> None:
    net = relu(info("x", [None, "n", 4]), helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, [-1]))
    before = net.SerializeToString()
    assert free_dimensions(net) == []
    assert net.SerializeToString() == before

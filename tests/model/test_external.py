"""The files that a model's tensors name are found in its bytes, wherever the tensors stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from external_weights import SIX, outside, write_model
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from trtflow.model.external import MESSAGES, external_files


@pytest.mark.parametrize("name", SIX)
def test_the_file_that_a_tensor_names_is_found_under_any_name(name: str, tmp_path: Path) -> None:
    assert external_files(write_model(tmp_path / "net.onnx", name)) == (name,)


def test_files_come_in_order_of_first_use_and_once_each(tmp_path: Path) -> None:
    assert external_files(write_model(tmp_path / "net.onnx", "b", "a", "b")) == ("b", "a")


def test_the_fields_are_those_of_the_standard() -> None:
    def declared(message: str) -> dict[int, str]:
        fields = [field for field in getattr(onnx, message).DESCRIPTOR.fields if field.message_type]
        return {field.number: field.message_type.name for field in fields}

    entries = {"ModelProto", "TensorProto"}  # of their maps of strings only a tensor's says where it lies
    for message, fields in MESSAGES.items():
        known = {n: kind for n, kind in declared(message).items() if kind in MESSAGES}
        assert {n: kind for n, kind in fields.items() if kind in MESSAGES} == known
        assert message in entries or set(fields.values()) <= MESSAGES.keys()
    assert MESSAGES["TensorProto"] == {13: declared("TensorProto")[13]}
    assert onnx.TensorProto.DESCRIPTOR.fields_by_name["external_data"].number == 13


def _model(graph: onnx.GraphProto, functions: list[onnx.FunctionProto] | None = None) -> onnx.ModelProto:
    return helper.make_model(graph, functions=functions or [])


def _graph(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), "g", [], [])


CONSTANT = helper.make_node("Constant", [], ["c"], value=outside("c", "there"))
SPARSE = onnx.SparseTensorProto(values=outside("v", "there"), indices=helper.make_tensor("i", 7, [0], []), dims=[4])


@pytest.mark.parametrize(
    "model",
    [
        _model(_graph(CONSTANT)),
        _model(_graph(helper.make_node("If", ["c"], ["y"], then_branch=_graph(CONSTANT), else_branch=_graph()))),
        _model(_graph(), [helper.make_function("own", "f", [], ["c"], [CONSTANT], [])]),
        _model(onnx.GraphProto(sparse_initializer=[SPARSE])),
        onnx.ModelProto(training_info=[onnx.TrainingInfoProto(algorithm=_graph(CONSTANT))]),
    ],
    ids=["constant", "branch", "function", "sparse", "training"],
)
def test_tensors_are_found_wherever_they_stand(model: onnx.ModelProto, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    assert external_files(tmp_path / "net.onnx") == ("there",)


def test_weights_within_the_file_name_none(tmp_path: Path) -> None:
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [4], np.arange(4.0))
    (tmp_path / "net.onnx").write_bytes(_model(onnx.GraphProto(initializer=[tensor])).SerializeToString())
    assert external_files(tmp_path / "net.onnx") == ()


@pytest.mark.parametrize(
    "content", [b"", b"trtflow: 1\n", b"\x93NUMPY", b"PK\x03\x04", b"\x3a\xff\xff\x01", b"\x80" * 9]
)
def test_what_is_no_onnx_names_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert external_files(tmp_path / "file") == ()


@given(content=st.binary(max_size=64))
def test_any_bytes_are_read_to_an_end(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    assert isinstance(external_files(path), tuple)


def test_a_file_that_is_cut_off_names_nothing(tmp_path: Path) -> None:
    path = write_model(tmp_path / "net.onnx", "there")
    path.write_bytes(path.read_bytes()[:-1])
    assert external_files(path) == ()

"""A file is read, normalised and counted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
import pytest
from graph_models import conv_net, f32, i64, info, model, node
from onnx import TensorProto, helper

from trtflow.errors import ModelError
from trtflow.tasks.inspect import inspect


def saved(net: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(net, folder / "net.onnx")
    return folder / "net.onnx"


def test_the_facts_are_those_of_the_file(tmp_path: Path) -> None:
    path = saved(conv_net(), tmp_path)
    loaded, facts = inspect(path)
    assert loaded.model == conv_net()
    assert (facts.file, facts.bytes) == ("net.onnx", path.stat().st_size)
    assert facts.sha256 == loaded.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts.nodes, facts.candidates, facts.opset, facts.notes) == (10, 10, 17, ())
    weights = 4 * 3 * 9 + 5 * 4 + 4 * 4 * 9 + 4 + 8 * 2
    assert facts.parameters == weights
    assert facts.inputs == ("%x[FLOAT, Nx3x8x8]",)


def test_operators_are_counted_in_the_order_of_the_alphabet(tmp_path: Path) -> None:
    operators = inspect(saved(conv_net(), tmp_path))[1].operators
    assert (operators["Conv"], operators["ConvTranspose"], sum(operators.values())) == (2, 1, 10)
    assert list(operators) == sorted(operators)


def test_nodes_in_bodies_count_like_those_around_them(tmp_path: Path) -> None:
    bodies = {
        name: helper.make_graph([node(op, "x", name)], name, [], [info(name, [4])])
        for name, op in (("then", "Exp"), ("other", "Log"))
    }
    choice = node("If", "c", "y", then_branch=bodies["then"], else_branch=bodies["other"])
    net = model([choice], [info("c", [], TensorProto.BOOL), info("x", [4])], [info("y", [4])])
    facts = inspect(saved(net, tmp_path))[1]
    assert (facts.nodes, facts.candidates, facts.operators) == (3, 2, {"Exp": 1, "If": 1, "Log": 1})


def test_arithmetic_on_shapes_is_no_candidate(tmp_path: Path) -> None:
    nodes = [node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Reshape", "x n", "y")]
    net = model(nodes, [info("x", [4])], [info("y", None)], [i64("zero", [0])])
    facts = inspect(saved(net, tmp_path))[1]
    assert (facts.nodes, facts.candidates) == (3, 1)


def test_what_was_done_to_read_it_is_told_and_the_facts_are_of_what_came_out(tmp_path: Path) -> None:
    unnamed = helper.make_node("Add", ["x", "w"], ["y"])
    weights = [f32("w", [1, 2, 3, 4])]
    net = model([unnamed], [info("x", [4]), info("w", [4])], [info("y", [4])], weights, 11, ir_version=6)
    loaded, facts = inspect(saved(net, tmp_path))
    assert loaded.model.graph.node[0].name == "node_of_y"
    assert (facts.opset, facts.inputs, facts.parameters) == (13, ("%x[FLOAT, 4]",), 4)
    assert facts.notes == loaded.notes
    assert [any(word in note for note in facts.notes) for word in ("no name", "became constants", "raised")] == [
        True
    ] * 3


def test_an_fp16_file_is_read_as_exact_fp32(tmp_path: Path) -> None:
    half = TensorProto.FLOAT16
    net = model([node("Relu", "x", "y")], [info("x", [4], half)], [info("y", [4], half)])
    _, facts = inspect(saved(net, tmp_path))
    assert facts.operators == {"Cast": 2, "Relu": 1}
    assert facts.inputs == ("%x[FLOAT16, 4]",)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot read the model"), (b"no model", "is not an ONNX model")]
)
def test_what_is_no_model_is_an_error(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        inspect(tmp_path / "net.onnx")

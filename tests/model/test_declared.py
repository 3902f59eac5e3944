"""Declared types that contradict the inputs go; what is right, or cannot be told, stays as the file has it."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
import pytest
from graph_models import accepted, f32, i64, info, model, node, random
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from trtflow.errors import ModelError
from trtflow.model.declared import contradicts, mend_declared
from trtflow.model.types import UNKNOWN, TensorType, declared_type

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
Dims = Sequence[int | str | None] | None


def net(output: onnx.ValueInfoProto, *inner: onnx.ValueInfoProto, batch: int | str | None = "n") -> onnx.ModelProto:
    """A MatMul and a Relu: whatever the file declares, the shapes are [batch, 4]."""
    nodes = [node("MatMul", "x w", "m"), node("Relu", "m", "y", "relu")]
    made = model(nodes, [info("x", [batch, 8])], [output], [f32("w", random(8, 4))])
    made.graph.value_info.extend(inner)
    return made


def shape(value: onnx.ValueInfoProto) -> tuple[int | str | None, ...] | None:
    return declared_type(value.type).shape


@pytest.mark.parametrize(
    ("declared", "batch", "mended", "note"),
    [
        (None, "n", ("n", 4), "had no shape and has the one that follows, [n, 4]"),
        (None, None, (None, 4), "had no shape and has the one that follows, [?, 4]"),
        (["n", 5], "n", ("n", 4), "was declared [n, 5] and is [n, 4]"),
        ([1, 4], "n", ("n", 4), "was declared [1, 4] and is [n, 4]"),
        ([1, "classes"], "n", ("n", "classes"), "was declared [1, classes] and is [n, classes]"),
        ([1, 4], 2, (2, 4), "was declared [1, 4] and is [2, 4]"),
        ([1, 4, "k"], 2, (2, 4), "was declared [1, 4, k] and is [2, 4]"),
        ([], 2, (2, 4), "was declared [] and is [2, 4]"),
    ],
)
def test_an_output_has_the_shape_that_follows_where_its_own_is_missing_or_wrong(
    declared: Dims, batch: int | str | None, mended: tuple[int | str | None, ...], note: str
) -> None:
    found = net(info("y", declared), batch=batch)
    assert mend_declared(found) == [f"output 'y' {note}"]
    assert shape(accepted(found).graph.output[0]) == mended
    assert mend_declared(found) == []


@pytest.mark.parametrize(
    ("declared", "batch"),
    [(["n", 4], "n"), (["rows", "classes"], "n"), ([None, 4], "n"), ([None, None], 2), (["n", 4], 2), ([1, 4], None)],
)
def test_what_does_not_contradict_the_inputs_stays_as_declared(declared: Dims, batch: int | str | None) -> None:
    found = net(info("y", declared), info("m", declared), batch=batch)
    before = found.SerializeToString()
    assert mend_declared(found) == []
    assert found.SerializeToString() == before


def test_an_output_without_a_type_gets_one() -> None:
    found = net(onnx.ValueInfoProto(name="y"))
    assert mend_declared(found) == ["output 'y' had no shape and has the one that follows, [n, 4]"]
    assert declared_type(accepted(found).graph.output[0].type) == TensorType(FLOAT, ("n", 4))


def test_an_output_whose_shape_depends_on_data_gets_its_type_alone() -> None:
    nodes = [node("Reshape", "x to", "y")]
    inputs = [info("x", ["n"]), info("to", ["rank"], TensorProto.INT64)]
    found = model(nodes, inputs, [onnx.ValueInfoProto(name="y")])
    assert mend_declared(found) == ["output 'y' had no type and has the one that its node makes"]
    assert declared_type(found.graph.output[0].type) == TensorType(FLOAT)


@pytest.mark.parametrize(
    "wrong", [info("m", [1, 4]), info("m", [3, 3]), info("m", ["n", 4, 1]), info("m", ["n", 4], HALF)]
)
def test_stale_types_inside_go_and_the_others_stay(wrong: onnx.ValueInfoProto) -> None:
    found = net(info("y", ["n", 4]), wrong, info("x", ["n", 8]))
    assert mend_declared(found) == ["the types or shapes declared inside contradict the inputs and were dropped: m"]
    assert [value.name for value in accepted(found).graph.value_info] == ["x"]


def test_many_stale_tensors_are_counted() -> None:
    names = [f"t{index}" for index in range(8)]
    nodes = [node("Relu", before, after) for before, after in zip(["x", *names], [*names, "y"], strict=True)]
    found = model(nodes, [info("x", ["n"])], [info("y", ["n"])])
    found.graph.value_info.extend(info(name, [1]) for name in names)
    assert mend_declared(found)[0].endswith(": t0, t1, t2, t3, t4 and 3 more")
    assert list(found.graph.value_info) == []


def test_stale_types_go_from_bodies_too() -> None:
    body = helper.make_graph([node("Exp", "x", "e"), node("Neg", "e", "o")], "b", [], [info("o", [7])])
    body.value_info.append(info("e", [7]))
    nodes = [node("If", "c", "y", "if", then_branch=body, else_branch=body)]
    found = model(nodes, [info("c", [], TensorProto.BOOL), info("x", [4])], [info("y", [7])])
    assert mend_declared(found) == [
        "the types or shapes declared inside contradict the inputs and were dropped: e, e",
        "output 'y' was declared [7] and is [4]",
    ]
    assert [list(a.g.value_info) for a in found.graph.node[0].attribute] == [[], []]


def test_what_a_foreign_operator_makes_is_believed() -> None:
    nodes = [node("Plugin", "x", "p", domain="mine"), node("Relu", "p", "r"), node("Plugin", "r", "y", domain="mine")]
    found = model(nodes, [info("x", ["n", 8])], [info("y", [1, 3])])
    found.opset_import.append(helper.make_opsetid("mine", 1))
    found.graph.value_info.extend([info("p", [1, 6]), info("r", [1, 5])])
    assert mend_declared(found) == ["the types or shapes declared inside contradict the inputs and were dropped: r"]
    assert [shape(value) for value in (*found.graph.value_info, *found.graph.output)] == [(1, 6), (1, 3)]


def test_an_output_in_another_type_than_its_node_makes_is_refused() -> None:
    sentence = r"^output 'y' is declared as FLOAT16, but its node 'relu' \(Relu\) makes FLOAT"
    with pytest.raises(ModelError, match=sentence):
        mend_declared(net(info("y", ["n", 4], HALF)))


def test_an_output_that_is_no_tensor_stays_as_it_is() -> None:
    output = helper.make_tensor_sequence_value_info("y", FLOAT, None)
    found = model([node("SequenceConstruct", "x x", "y")], [info("x", [4])], [output])
    assert mend_declared(found) == []
    assert list(found.graph.output) == [output]


def test_a_shape_through_a_constant_is_followed() -> None:
    nodes = [node("Reshape", "x to", "r"), node("MatMul", "r w", "y")]
    weights = [i64("to", [1, 1, 8]), f32("w", random(8, 5))]
    found = model(nodes, [info("x", [1, 8])], [info("y", [1, "length"])], weights)
    assert mend_declared(found) == ["output 'y' was declared [1, length] and is [1, 1, 5]"]


DIM = st.one_of(st.none(), st.integers(1, 3), st.sampled_from(["n", "other"]))
TYPE = st.builds(
    TensorType, st.sampled_from([0, FLOAT, HALF]), st.one_of(st.none(), st.lists(DIM, max_size=3).map(tuple))
)


@given(TYPE)
def test_nothing_contradicts_itself_or_the_unknown(type_: TensorType) -> None:
    free = frozenset({"n"})
    assert not contradicts(type_, type_, free)
    assert not contradicts(UNKNOWN, type_, free)
    assert not contradicts(type_, UNKNOWN, free)

"""What ONNX's checker forbids and ONNX Runtime takes is spelt as ONNX asks, and computes what it did."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from graph_models import accepted, f32, info, model, node, random, run
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from trtflow.errors import ModelError
from trtflow.model.edit import clone
from trtflow.model.spelling import densified, respell

Change = Callable[[onnx.ModelProto], object]
WEIGHT = np.where(np.eye(4, dtype=bool), random(4, 4), 0).astype(np.float32)
AT = np.flatnonzero(WEIGHT)


def plain() -> onnx.ModelProto:
    nodes = [node("MatMul", "x w", "m"), node("Clip", "m", "y")]
    return model(nodes, [info("x", [2, 4])], [info("y", [2, 4])], [f32("w", WEIGHT)])


def sparse(name: str, indices: np.ndarray) -> onnx.SparseTensorProto:
    values = numpy_helper.from_array(WEIGHT.reshape(-1)[AT], name)
    return helper.make_sparse_tensor(values, numpy_helper.from_array(indices.astype(np.int64), ""), [4, 4])


def no_name(net: onnx.ModelProto) -> None:
    net.graph.name = ""


def spelt_out(net: onnx.ModelProto) -> None:
    net.opset_import[0].domain = net.graph.node[0].domain = net.graph.node[1].domain = "ai.onnx"


def imported_twice(net: onnx.ModelProto) -> None:
    net.opset_import.append(helper.make_opsetid("ai.onnx", 17))
    net.graph.node[1].domain = "ai.onnx"


def repeated_key(net: onnx.ModelProto) -> None:
    for value in ("old", "new"):
        net.metadata_props.add(key="by", value=value)


def sparse_weight(net: onnx.ModelProto) -> None:
    del net.graph.initializer[:]
    net.graph.sparse_initializer.append(sparse("w", AT))


def sparse_constant(net: onnx.ModelProto) -> None:
    del net.graph.initializer[:]
    held = clone(net)
    del net.graph.node[:]
    net.graph.node.append(node("Constant", "", "w", sparse_value=sparse("", AT)))
    net.graph.node.extend(held.graph.node)


def left_out(net: onnx.ModelProto) -> None:
    net.graph.node[1].input.extend(["", ""])


KINDS: dict[str, tuple[Change, str]] = {
    "a graph without a name": (no_name, "the graph had no name and is called graph"),
    "the domain spelt out": (
        spelt_out,
        "the domain ai.onnx was spelt out and became the empty one, which is the same",
    ),
    "imported twice": (
        imported_twice,
        "the domain ai.onnx was spelt out and became the empty one, which is the same",
    ),
    "a key twice": (repeated_key, "metadata repeated keys (by); the last value of each was kept"),
    "a sparse initializer": (sparse_weight, "sparse constants became dense ones: w"),
    "a sparse Constant": (sparse_constant, "sparse constants became dense ones: w"),
    "empty names": (left_out, "empty names behind the last input or output were dropped (nodes: 1)"),
}


@pytest.mark.parametrize(("change", "note"), KINDS.values(), ids=KINDS)
def test_a_file_is_spelt_as_onnx_asks_and_computes_what_it_did(change: Change, note: str) -> None:
    net = plain()
    change(net)
    feed = {"x": random(2, 4, seed=1)}
    before = run(net, feed)[0]
    assert respell(net) == [note]
    np.testing.assert_array_equal(run(accepted(net), feed)[0], before)
    assert respell(net) == []


def test_a_plain_model_stays_as_it_is() -> None:
    net = plain()
    assert (respell(net), net) == ([], plain())


def test_the_last_value_of_a_repeated_key_is_kept() -> None:
    net = plain()
    repeated_key(net)
    respell(net)
    assert [(entry.key, entry.value) for entry in net.metadata_props] == [("by", "new")]


def test_two_versions_of_the_operators_are_refused() -> None:
    net = plain()
    net.opset_import.append(helper.make_opsetid("ai.onnx", 13))
    with pytest.raises(ModelError, match=r"in opset 17 and in opset 13; expected one version"):
        respell(net)


def test_bodies_and_local_functions_are_respelt_too() -> None:
    inner = helper.make_node("Relu", ["a"], ["b"], domain="ai.onnx")
    function = helper.make_function("mine", "Own", ["a"], ["b"], [inner], [helper.make_opsetid("ai.onnx", 17)])
    branch = helper.make_graph([helper.make_node("Clip", ["x", "", ""], ["o"])], "t", [], [info("o", [4])])
    nodes = [node("If", "c", "y", then_branch=branch, else_branch=branch)]
    net = model(nodes, [info("c", [], TensorProto.BOOL), info("x", [4])], [info("y", [4])], functions=[function])
    assert len(respell(net)) == 2
    assert [entry.domain for entry in (*net.functions[0].opset_import, *net.functions[0].node)] == ["", ""]
    assert [list(a.g.node[0].input) for a in net.graph.node[0].attribute] == [["x"], ["x"]]


def test_empty_names_that_an_operator_needs_or_that_a_foreign_one_reads_stay() -> None:
    body = helper.make_graph(
        [node("Identity", "go", "on")],
        "b",
        [info("i", [], TensorProto.INT64), info("go", [], TensorProto.BOOL)],
        [info("on", [], TensorProto.BOOL)],
    )
    nodes = [helper.make_node("Loop", ["", ""], [], body=body), helper.make_node("Plugin", ["x", ""], ["y", ""], "p")]
    nodes[1].domain = "mine"
    net = model(nodes, [info("x", [4])], [info("y", [4])])
    assert respell(net) == []
    assert [list(n.input) for n in net.graph.node] == [["", ""], ["x", ""]]


@given(st.lists(st.integers(0, 23), unique=True), st.booleans())
def test_a_dense_tensor_has_the_values_at_their_indices(places: list[int], rows: bool) -> None:
    values = np.arange(1, len(places) + 1, dtype=np.float32)
    at = np.array(places, np.int64)
    at = np.stack(np.unravel_index(at, (2, 3, 4)), axis=1) if rows else at
    proto = onnx.SparseTensorProto(
        values=numpy_helper.from_array(values, "w"), indices=numpy_helper.from_array(at, ""), dims=[2, 3, 4]
    )
    dense = numpy_helper.to_array(densified(proto))
    assert dense.shape == (2, 3, 4)
    assert {int(i): float(dense.flat[i]) for i in np.flatnonzero(dense)} == dict(zip(places, values, strict=True))

from __future__ import annotations

import pytest
from graph_models import f32, i64, info, model, node, random
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from trtflow.model.cost import Cost, costs

CASES = {
    "conv": (
        node("Conv", "x w", "y", pads=[1, 1, 1, 1]),
        (2, 3, 8, 8),
        f32("w", random(5, 3, 3, 3)),
        2 * 5 * 64 * 27,
    ),
    "grouped conv": (node("Conv", "x w", "y", group=4), (1, 4, 5, 5), f32("w", random(4, 1, 3, 3)), 4 * 9 * 9),
    "transposed": (node("ConvTranspose", "x w", "y"), (1, 3, 4, 4), f32("w", random(3, 5, 2, 2)), 3 * 16 * 20),
    "matmul": (node("MatMul", "x w", "y"), (2, 7, 3), f32("w", random(3, 5)), 2 * 7 * 5 * 3),
    "gemm": (node("Gemm", "x w", "y", transA=1), (3, 7), f32("w", random(3, 5)), 7 * 5 * 3),
    "elementwise": (node("Add", "x w", "y"), (2, 3), f32("w", random(3)), 6),
}


@pytest.mark.parametrize(("proto", "shape", "weight", "macs"), CASES.values(), ids=CASES)
def test_multiply_accumulates(proto: object, shape: tuple[int, ...], weight: object, macs: int) -> None:
    names = [f"d{i}" for i in range(len(shape))]
    net = model([proto], [info("x", names)], [info("y", None)], [weight])  # type: ignore[list-item]
    assert costs(net, {"x": shape})["n_y"].macs == macs


def test_lstm_counts_every_step() -> None:
    weights = [f32("w", random(1, 16, 3)), f32("r", random(1, 16, 4))]
    nodes = [node("LSTM", "x w r", "y", hidden_size=4)]
    net = model(nodes, [info("x", ["t", "n", 3])], [info("y", None)], weights)
    assert costs(net, {"x": (5, 2, 3)})["n_y"].macs == 5 * 2 * (16 * 3 + 16 * 4)


def test_bytes_count_inputs_weights_and_outputs() -> None:
    net = model([node("Add", "x w", "y")], [info("x", ["n", 3])], [info("y", ["n", 3])], [f32("w", random(3))])
    assert costs(net, {"x": (2, 3)}) == {"n_y": Cost(6, (6 + 3 + 6) * 4)}


def test_a_shape_that_inference_cannot_tell_is_measured() -> None:
    nodes = [node("NonZero", "x", "i"), node("Transpose", "i", "t", perm=[1, 0]), node("GatherND", "x t", "g")]
    nodes.append(node("Neg", "g", "y"))
    net = model(nodes, [info("x", ["n", 3])], [info("y", ["k"])], [i64("unused", 0)])
    assert costs(net, {"x": (2, 3)})["n_y"].macs == 6


def test_a_dimension_that_cannot_be_measured_counts_as_one() -> None:
    nodes = [node("Gather", "w i", "g"), node("NonZero", "g", "z"), node("Gather", "x z", "t"), node("Neg", "t", "y")]
    inputs = [info("x", [9, 5]), info("i", ["k"], TensorProto.INT64)]
    net = model(nodes, inputs, [info("y", None)], [f32("w", [1])])  # ones address an element that w has not
    assert costs(net, {"x": (9, 5), "i": (2,)})["n_y"] == Cost(5, (5 + 5) * 4)


def test_a_dimension_in_a_body_that_inference_cannot_tell_counts_as_one() -> None:
    nodes = [node("NonZero", "x", "z"), node("Cast", "z", "f", to=TensorProto.FLOAT), node("Neg", "f", "u")]
    body = helper.make_graph(nodes, "then", [], [info("u", None)])
    other = helper.make_graph([node("Abs", "x", "e")], "else", [], [info("e", None)])
    owner = node("If", "c", "y", then_branch=body, else_branch=other)
    net = model([owner], [info("x", [3, 4]), info("c", [], TensorProto.BOOL)], [info("y", None)])
    assert costs(net, {"x": (3, 4)}) == {
        "n_z": Cost(2, (12 + 2) * 4),  # of shape [2, unknown]
        "n_f": Cost(2, (2 + 2) * 4),
        "n_u": Cost(2, (2 + 2) * 4),
        "n_e": Cost(12, (12 + 12) * 4),
    }


MORE = {
    "attention: two activations": (["MatMul x x -> y"], {"x": (2, 4, 4)}, 2 * 4 * 4 * 4),
    "a vector": (["MatMul x w -> y"], {"x": (3,)}, 5 * 3),
    "gemm, both transposed": (["Gemm x wt -> y"], {"x": (3, 7)}, 7 * 5 * 3),
    "a depthwise transposed convolution": (["ConvTranspose x d -> y"], {"x": (1, 4, 3, 3)}, 4 * 9 * 4),
    "pooling has none: what it writes counts": (["GlobalAveragePool x -> y"], {"x": (2, 3, 8, 8)}, 6),
    "a scalar": (["ReduceSum x -> y"], {"x": (4, 4)}, 1),
}


@pytest.mark.parametrize(("lines", "shapes", "macs"), MORE.values(), ids=MORE)
def test_work_is_counted_by_what_an_operator_does(
    lines: list[str], shapes: dict[str, tuple[int, ...]], macs: int
) -> None:
    ((op, *names, _, output),) = (line.split() for line in lines)
    attributes = {"Gemm": {"transA": 1, "transB": 1}, "ConvTranspose": {"group": 4}, "ReduceSum": {"keepdims": 0}}
    weights = [f32("w", random(3, 5)), f32("wt", random(5, 3)), f32("d", random(4, 1, 2, 2))]
    nodes = [node(op, " ".join(names), output, **attributes.get(op, {}))]
    inputs = [info("x", [f"d{i}" for i in range(len(shapes["x"]))])]
    net = model(nodes, inputs, [info("y", None)], [entry for entry in weights if entry.name in names])
    assert costs(net, shapes)["n_y"].macs == macs


@pytest.mark.parametrize(("op", "gates"), [("GRU", 3), ("RNN", 1), ("LSTM", 4)])
@pytest.mark.parametrize("directions", [1, 2])
def test_a_recurrent_node_works_through_its_gates_at_every_step(op: str, gates: int, directions: int) -> None:
    weights = [f32("w", random(directions, gates * 4, 3)), f32("r", random(directions, gates * 4, 4))]
    way = {"direction": "bidirectional"} if directions == 2 else {}
    nodes = [node(op, "x w r", "y", hidden_size=4, **way)]
    net = model(nodes, [info("x", ["t", "n", 3])], [info("y", None)], weights)
    assert costs(net, {"x": (5, 2, 3)})["n_y"].macs == 10 * directions * gates * 4 * (3 + 4)


@given(st.integers(1, 8), st.integers(1, 64))
def test_work_grows_with_the_batch_and_bytes_by_all_but_the_weights(batch: int, channels: int) -> None:
    net = model([node("MatMul", "x w", "y")], [info("x", ["n", channels])], [info("y", None)])
    net.graph.initializer.append(f32("w", random(channels, 5)))
    one, many = (costs(net, {"x": (size, channels)})["n_y"] for size in (1, batch))
    weights = channels * 5 * 4
    assert many == Cost(batch * one.macs, batch * (one.bytes - weights) + weights)


def test_only_candidates_have_a_price() -> None:
    nodes = [node("Shape", "x", "s"), node("Reshape", "x s", "r"), node("Relu", "r", "y")]
    net = model(nodes, [info("x", [2, 3])], [info("y", None)])
    assert set(costs(net, {"x": (2, 3)})) == {"n_r", "n_y"}


def test_a_name_that_is_left_out_moves_nothing() -> None:
    net = model([node("Clip", "x - one", "y")], [info("x", [2, 3])], [info("y", None)], [f32("one", 1)])
    assert costs(net, {"x": (2, 3)})["n_y"] == Cost(6, (6 + 1 + 6) * 4)

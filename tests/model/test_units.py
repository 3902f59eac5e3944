from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import conv_net, f32, info, model, node, random
from hypothesis import given
from hypothesis import strategies as st

from trtflow.model.analysis import analyse, candidates
from trtflow.model.units import GRAPH_OUTPUT, Unit, found_units, inner_tensors, readers, units

WEIGHTS = [
    f32("w", random(4, 4, 1, 1)),
    f32("m", random(4, 4)),
    *(f32(name, np.abs(random(4, seed=i)) + 0.1) for i, name in enumerate(("g", "b", "mean", "var"))),
    *(f32(name, value) for name, value in (("eps", 1e-5), ("half", 0.5), ("one", 1), ("two", 2), ("three", 3))),
    *(f32(name, value) for name, value in (("six", 6), ("zero", 0), ("root", 1.414), ("c3", 0.044), ("s", 0.8))),
]


def net(lines: list[str], shape: tuple[int, ...] = (1, 4, 4, 4), extra: str = "") -> onnx.ModelProto:
    """A model from lines "Op inputs -> output"; ``extra`` names further inputs; the last output is the graph's."""
    nodes = []
    for line in lines:
        op, *inputs = line.split(" -> ")[0].split()
        attributes = {"axes": [-1]} if op == "ReduceMean" else {}
        nodes.append(node(op, " ".join(inputs), line.split(" -> ")[1], **attributes))
    used = {name for n in nodes for name in n.input}
    inputs = [info(name, shape) for name in ["x", *extra.split()]]
    return model(nodes, inputs, [info(nodes[-1].output[0], shape)], [w for w in WEIGHTS if w.name in used])


def found(proto: onnx.ModelProto) -> list[str]:
    return [" ".join(name.removeprefix("n_") for name in unit.nodes) for unit in units(proto)]


GELU = ["Div {0} root -> d", "Erf d -> e", "Add e one -> p", "Mul {0} p -> q", "Mul q half -> y"]

ONE_UNIT = {
    "conv": ["Conv x w -> y"],
    "conv relu": ["Conv x w -> a", "Relu a -> y"],
    "conv bias batchnorm relu": [
        *("Conv x w -> a", "Add a b -> a2", "BatchNormalization a2 g b mean var -> n", "Relu n -> y"),
    ],
    "conv clip": ["Conv x w -> a", "Clip a zero six -> y"],
    "conv leaky": ["Conv x w -> a", "LeakyRelu a -> y"],
    "conv sigmoid": ["Conv x w -> a", "Sigmoid a -> y"],
    "conv hardswish": ["Conv x w -> a", "HardSwish a -> y"],
    "conv silu": ["Conv x w -> a", "Sigmoid a -> s1", "Mul a s1 -> y"],
    "conv silu, other order": ["Conv x w -> a", "Sigmoid a -> s1", "Mul s1 a -> y"],
    "conv hardswish spelt out": [
        *("Conv x w -> a", "Add a three -> p", "Clip p zero six -> q", "Mul a q -> r", "Div r six -> y"),
    ],
    "conv mish": ["Conv x w -> a", "Softplus a -> p", "Tanh p -> q", "Mul a q -> y"],
    "matmul bias gelu": ["MatMul x m -> a0", "Add a0 b -> a", *(line.format("a") for line in GELU)],
    "matmul gelu, half first": [
        *("MatMul x m -> a", "Mul a half -> h", "Div a root -> d", "Erf d -> e", "Add e one -> p", "Mul h p -> y"),
    ],
    "layer norm": [
        *("ReduceMean x -> u", "Sub x u -> c", "Pow c two -> q", "ReduceMean q -> v", "Add v eps -> e"),
        *("Sqrt e -> r", "Div c r -> d", "Mul d g -> h", "Add h b -> y"),
    ],
    "layer norm without scale": [
        *("ReduceMean x -> u", "Sub x u -> c", "Mul c c -> q", "ReduceMean q -> v", "Add v eps -> e"),
        *("Sqrt e -> r", "Div c r -> y"),
    ],
    "rms norm": [
        *("Pow x two -> q", "ReduceMean q -> v", "Add v eps -> e", "Sqrt e -> r", "Div x r -> d", "Mul d g -> y"),
    ],
    "attention scores": ["MatMul x k -> a", "Mul a s -> b1", "Add b1 mask -> c", "Softmax c -> y"],
    "attention scores, unmasked": ["MatMul x k -> a", "Softmax a -> y"],
    "silu alone": ["Sigmoid x -> s1", "Mul x s1 -> y"],
}


@pytest.mark.parametrize("name", ONE_UNIT)
def test_what_an_engine_fuses_is_one_unit(name: str) -> None:
    extra = "k mask" if "attention" in name else ""
    proto = net(ONE_UNIT[name], extra=extra)
    assert units(proto) == (Unit(0, tuple(n.name for n in proto.graph.node)),)


SEVERAL = {
    "a tensor that leaves the unit ends it": (
        ["Conv x w -> a", "Relu a -> r", "Add a r -> y"],
        ["a", "r", "y"],
    ),
    "a residual sum is a unit of its own": (
        ["Conv x w -> a", "Add a x -> s2", "Relu s2 -> y"],
        ["a", "s2", "y"],
    ),
    "two convolutions": (["Conv x w -> a", "Relu a -> r", "Conv r w -> y"], ["a r", "y"]),
    "half a layer norm": (
        ["ReduceMean x -> u", "Sub x u -> c", "Relu c -> y"],
        ["u", "c", "y"],
    ),
}


@pytest.mark.parametrize(("lines", "expected"), SEVERAL.values(), ids=SEVERAL)
def test_what_is_not_fused_stays_apart(lines: list[str], expected: list[str]) -> None:
    assert found(net(lines)) == expected


def test_a_graph_output_inside_ends_the_unit() -> None:
    proto = net(["Conv x w -> a", "Relu a -> y"])
    proto.graph.output.append(info("a", [1, 4, 4, 4]))
    assert found(proto) == ["a", "y"]


def test_every_candidate_is_in_exactly_one_unit_in_order() -> None:
    proto = conv_net()
    grouped = units(proto)
    assert [unit.id for unit in grouped] == list(range(len(grouped)))
    assert sorted(name for unit in grouped for name in unit.nodes) == sorted(n.name for n in candidates(proto))
    assert found(proto) == ["c1 n1 r1", "p1", "c2 s2 a2", "u2", "k", "y"]


SPELT = {
    "gelu by tanh": [
        *("Pow x three -> p", "Mul p c3 -> q", "Add x q -> r", "Mul r s -> t", "Tanh t -> u", "Add u one -> v"),
        *("Mul v half -> k", "Mul k x -> y"),
    ],
    "gelu by tanh, half last": [
        *("Pow x three -> p", "Mul p c3 -> q", "Add x q -> r", "Mul r s -> t", "Tanh t -> u", "Add u one -> v"),
        *("Mul x v -> k", "Mul k half -> y"),
    ],
    "gelu by erf alone": [line.format("x") for line in GELU],
    "hard swish by relu6": ["Add x three -> p", "Clip p zero six -> q", "Mul x q -> r", "Mul r half -> y"],
    "mish alone": ["Softplus x -> p", "Tanh p -> q", "Mul x q -> y"],
    "rms norm by reciprocal": [
        *("Mul x x -> q", "ReduceMean q -> v", "Add v eps -> e", "Sqrt e -> r", "Reciprocal r -> i", "Mul x i -> d"),
        "Mul d g -> y",
    ],
    "l2 norm": ["ReduceL2 x -> n", "Clip n eps -> m", "Div x m -> y"],
    "scores through a condition": ["MatMul x k -> a", "Div a root -> b1", "Where c b1 mask -> d", "Softmax d -> y"],
}


@pytest.mark.parametrize("name", SPELT)
def test_what_exporters_spell_out_is_one_unit(name: str) -> None:
    proto = net(SPELT[name], extra="k mask" if "scores" in name else "")
    proto.graph.input.append(info("c", [1, 4, 4, 4], onnx.TensorProto.BOOL))
    assert found(proto) == [" ".join(n.name.removeprefix("n_") for n in proto.graph.node)]


@pytest.mark.parametrize("name", ["rms norm by reciprocal", "gelu by tanh", "mish alone"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_value_from_the_middle_that_is_returned_breaks_the_pattern(name: str, place: int) -> None:
    proto = net(SPELT[name])
    proto.graph.output.append(info(proto.graph.node[place].output[0], None))
    assert len(found(proto)) > 1


def branches() -> onnx.ModelProto:
    """A convolution outside, what follows it inside both branches, and a unit of two nodes in one of them."""
    bodies = {
        "then_branch": ([node("Relu", "a", "t")], "t"),
        "else_branch": ([node("Conv", "a w", "k"), node("Relu", "k", "e")], "e"),
    }
    graphs = {key: onnx.helper.make_graph(inner, key, [], [info(out, None)]) for key, (inner, out) in bodies.items()}
    nodes = [node("Conv", "x w", "a"), node("If", "c", "y", **graphs)]
    inputs = [info("x", [1, 4, 4, 4]), info("c", [], onnx.TensorProto.BOOL)]
    return model(nodes, inputs, [info("y", None)], WEIGHTS[:1])


def test_a_unit_does_not_cross_the_border_of_a_body() -> None:
    assert found(branches()) == ["a", "k e", "t"]


def test_readers_are_listed_through_bodies_and_the_graph_itself_among_them() -> None:
    users = readers(analyse(branches()))
    assert users["", "a"] == ["n_k", "n_t"]
    assert users["", "y"] == [GRAPH_OUTPUT]
    assert users["/n_y.else_branch", "e"] == [GRAPH_OUTPUT]
    assert users["", "w"] == ["n_a", "n_k"]


@pytest.mark.parametrize(
    ("lines", "inner"),
    [
        (["Conv x w -> a", "Relu a -> y"], {"a"}),
        (["Conv x w -> a", "Sigmoid a -> s1", "Mul a s1 -> y"], {"a", "s1"}),
        (["Conv x w -> y"], set()),
    ],
)
def test_inner_tensors_are_those_that_nobody_outside_reads(lines: list[str], inner: set[str]) -> None:
    analysis = analyse(net(lines))
    (unit,) = found_units(analysis)
    assert inner_tensors(analysis, unit, readers(analysis)) == {("", name) for name in inner}


@given(st.lists(st.sampled_from(["Relu", "Sigmoid", "Neg", "Conv", "Tanh", "Mul", "Add"]), min_size=1, max_size=12))
def test_units_are_a_partition_in_order_and_only_their_last_tensor_leaves(operators: list[str]) -> None:
    lines, before = [], ["x", "x"]
    for index, op in enumerate(operators):
        inputs = {"Conv": f"{before[-1]} w", "Mul": " ".join(before[-2:]), "Add": " ".join(before[-2:])}
        lines.append(f"{op} {inputs.get(op, before[-1])} -> v{index}")
        before.append(f"v{index}")
    analysis = analyse(net(lines))
    grouped, users = found_units(analysis), readers(analysis)
    assert sorted(name for unit in grouped for name in unit.nodes) == sorted(n.name for n in analysis.candidates)
    for unit in grouped:
        made = {("", f"v{node.removeprefix('n_v')}") for node in unit.nodes[:-1]}
        assert made <= inner_tensors(analysis, unit, users)

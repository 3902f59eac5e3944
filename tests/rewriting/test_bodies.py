"""Bodies as exporters write them: names that hide others, weights of their own, what a Scan carries."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_models import accepted, casts, f32, info, model, node, random, run
from onnx import TensorProto, helper

from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.model.analysis import candidates
from trtflow.model.load import prepare
from trtflow.plan import PrecisionPlan
from trtflow.precision import BF16, FP16, FP32, ROWS
from trtflow.rewriting.rewrite import rewrite

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
HALF = ROWS[FP16].onnx_type


def scan(nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto] | None = None) -> onnx.ModelProto:
    """Over the rows of Exp(x), from the state Relu(z); the body turns ``s`` and ``r`` into ``n`` and ``o``."""
    inputs, outputs = [info("s", [4]), info("r", [4])], [info("n", [4]), info("o", [4])]
    body = helper.make_graph(nodes, "body", inputs, outputs, weights or [])
    around = [
        node("Exp", "x", "e", "exp"),
        node("Relu", "z", "first", "relu"),
        node("Scan", "first e", "last all", "scan", body=body, num_scan_inputs=1),
        node("Neg", "all", "y", "neg"),
    ]
    return model(around, [info("x", [3, 4]), info("z", [4])], [info("last", [4]), info("y", [3, 4])])


def cell() -> onnx.ModelProto:
    """Weights in the body."""
    nodes = [node("Mul", "r k", "g", "gain"), node("Add", "s g", "n", "add"), node("Tanh", "n", "o", "tanh")]
    return scan(nodes, [f32("k", 0.3)])


def hoisted() -> onnx.ModelProto:
    """What is stacked depends on no step."""
    return scan(
        [node("Add", "s r", "n", "add"), node("Sin", "first", "t", "sin"), node("Identity", "t", "o", "copy")]
    )


def shadowed_state() -> onnx.ModelProto:
    """The state, the slice and a weight of the body have names of the graph around it."""
    nodes = [node("Mul", "x k", "g", "gain"), node("Add", "s g", "n", "add"), node("Tanh", "n", "y", "tanh")]
    inputs, outputs = [info("s", [4]), info("x", [4])], [info("n", [4]), info("y", [4])]
    body = helper.make_graph(nodes, "body", inputs, outputs, [f32("k", 0.3)])
    around = [
        node("Mul", "x k", "e", "exp"),
        node("Relu", "z", "s", "relu"),
        node("Scan", "s e", "last y", "scan", body=body, num_scan_inputs=1),
    ]
    weights = [f32("k", 2)]
    return model(around, [info("x", [3, 4]), info("z", [4])], [info("last", [4]), info("y", [3, 4])], weights)


def shadowed_weights() -> onnx.ModelProto:
    """Both branches of an If and the graph around it have a weight ``w`` of their own."""
    then = helper.make_graph([node("Mul", "e w", "o", "up")], "t", [], [info("o", [3, 4])], [f32("w", random(4))])
    other = helper.make_graph([node("Add", "e w", "o", "add")], "e", [], [info("o", [3, 4])], [f32("w", [0.3] * 4)])
    around = [
        node("Mul", "x w", "e", "exp"),
        node("ReduceSum", "z", "total", "sum", keepdims=0),
        node("Cast", "total", "c", "flag", to=TensorProto.BOOL),
        node("If", "c", "y", "if", then_branch=then, else_branch=other),
    ]
    return model(around, [info("x", [3, 4]), info("z", [4])], [info("y", [3, 4])], [f32("w", [0.7] * 4)])


def function() -> onnx.ModelProto:
    """A local function with the name of an operator, in a domain of its own."""
    made = helper.make_function("mine", "Relu", ["a"], ["b"], [node("Tanh", "a", "b")], [helper.make_opsetid("", 17)])
    call = helper.make_node("Relu", ["x"], ["t"], "call", domain="mine")
    net = model([call, node("Add", "t z", "y", "add")], [info("x", [3, 4]), info("z", [4])], [info("y", [3, 4])])
    net.opset_import.append(helper.make_opsetid("mine", 1))
    net.functions.append(made)
    return net


MODELS = {f.__name__: f for f in (cell, hoisted, shadowed_state, shadowed_weights, function)}
FEED = {"x": random(3, 4), "z": random(4, seed=1)}


def plans(net: onnx.ModelProto) -> list[PrecisionPlan]:
    names = [n.name for n in candidates(net)]
    rng = np.random.default_rng(0)
    mixed = [{name: (FP16, BF16, FP32)[rng.integers(3)] for name in names} for _ in range(8)]
    alone = [{name: FP16} for name in names]
    return [PrecisionPlan(FP16), PrecisionPlan(BF16), *(PrecisionPlan(FP32, nodes) for nodes in (*mixed, *alone))]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODELS)
def test_any_plan_gives_an_accepted_model_that_agrees_with_the_emulator(name: str) -> None:
    net, _ = prepare(MODELS[name]())
    for plan in plans(net):
        mixed = accepted(rewrite(net, plan).model)
        emulated, typed = run(instrument(net, plan), FEED), run(emulate_typed(mixed), FEED)
        for a, b, exact in zip(emulated, typed, run(MODELS[name](), FEED), strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_allclose(a, exact, rtol=0.05, atol=0.05)


@needs_rtx
@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_any_plan_builds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parents[2] / "benchmarks")])
    from conformance_build import build

    net, _ = prepare(MODELS[name]())
    assert {build(rewrite(net, plan).model) for plan in plans(net)} == {""}


def ends(net: onnx.ModelProto, plan: PrecisionPlan) -> tuple[list[str], list[tuple[str, str]]]:
    """The low inputs and outputs of the body of the Scan, and the Casts inside it."""
    mixed = rewrite(net, plan).model
    body = next(n for n in mixed.graph.node if n.op_type == "Scan").attribute
    graph = next(a.g for a in body if a.name == "body")
    low = [v.name for v in (*graph.input, *graph.output) if v.type.tensor_type.elem_type == HALF]
    return low, casts(graph)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (PrecisionPlan(FP16), (["s", "r", "n", "o"], [])),
        (PrecisionPlan(FP32, {"gain": FP16}), (["r"], [("g", FP32)])),
        (PrecisionPlan(FP32, {"tanh": FP16}), (["o"], [("n", FP16)])),
        (PrecisionPlan(FP32, {"add": FP16}), (["s", "n"], [("g", FP16), ("n", FP32)])),
        (PrecisionPlan(FP32), ([], [])),
    ],
    ids=["all", "a slice", "stacked", "a state", "none"],
)
def test_casts_stand_outside_the_body_of_a_scan(
    plan: PrecisionPlan, expected: tuple[list[str], list[tuple[str, str]]]
) -> None:
    assert ends(cell(), plan) == expected


def test_a_state_that_an_fp32_node_reads_stays_fp32() -> None:
    net = scan([node("Add", "s r", "n", "add"), node("Mul", "s r", "o", "mul")])
    assert ends(net, PrecisionPlan(FP16, {"mul": FP32})) == ([], [("s", FP16), ("r", FP16), ("n__fp16", FP32)])

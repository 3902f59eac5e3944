"""If, Loop and Scan: captured tensors, state and scan outputs, in both formats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from graph_models import accepted, casts, f32, i64, info, model, node, random, run
from onnx import TensorProto, helper

from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.model.analysis import candidates
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.promotion import legalize
from trtflow.rewriting.rewrite import rewrite

BOOL, INT = TensorProto.BOOL, TensorProto.INT64


def body(
    name: str,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: Sequence[onnx.TensorProto] = (),
) -> onnx.GraphProto:
    return helper.make_graph(nodes, name, inputs, outputs, list(weights))


def with_if() -> onnx.ModelProto:
    """Both branches capture a float activation, use one name for different tensors, and hold weights."""
    then = body(
        "then", [node("Mul", "r w", "t", "then_mul"), node("Exp", "t", "o", "then_exp")], [], [info("o", [4])]
    )
    other = [node("Add", "r v", "t", "else_add"), node("Neg", "t", "o", "else_neg")]
    orelse = body("else", other, [], [info("o", [4])], [f32("v", random(4, seed=2))])
    nodes = [
        node("Relu", "x", "r", "relu"),
        node("If", "c", "y", "if", then_branch=then, else_branch=orelse),
        node("Mul", "y w", "z", "tail"),
    ]
    return model(nodes, [info("c", [], BOOL), info("x", [4])], [info("z", [4])], [f32("w", random(4, seed=1))])


def with_loop() -> onnx.ModelProto:
    """Three steps with float state, a captured tensor, and a scan output."""
    inside = [
        node("Mul", "state k", "scaled", "body_mul"),
        node("Add", "scaled r", "next", "body_add"),
        node("Exp", "next", "seen", "body_exp"),
        node("Identity", "cond", "going", "body_cond"),
    ]
    inputs = [info("i", [], INT), info("cond", [], BOOL), info("state", [4])]
    outputs = [info("going", [], BOOL), info("next", [4]), info("seen", [4])]
    nodes = [
        node("Relu", "x", "r", "relu"),
        node("Loop", "n on r", "last all", "loop", body=body("body", inside, inputs, outputs)),
        node("Neg", "last", "y", "tail"),
    ]
    weights = [f32("k", 0.3), i64("n", 3), onnx.numpy_helper.from_array(np.array(True), "on")]
    return model(nodes, [info("x", [4])], [info("y", [4]), info("all", [3, 4])], weights)


def with_scan() -> onnx.ModelProto:
    """A running sum over the rows of the input."""
    inside = [node("Add", "sum row", "next", "body_add"), node("Mul", "next k", "out", "body_mul")]
    scan = body("body", inside, [info("sum", [4]), info("row", [4])], [info("next", [4]), info("out", [4])])
    nodes = [
        node("Scan", "zero r", "total all", "scan", body=scan, num_scan_inputs=1),
        node("Neg", "all", "y", "tail"),
    ]
    nodes.insert(0, node("Relu", "x", "r", "relu"))
    return model(
        nodes, [info("x", [3, 4])], [info("total", [4]), info("y", [3, 4])], [f32("zero", np.zeros(4)), f32("k", 0.7)]
    )


def nested() -> onnx.ModelProto:
    """A Loop inside an If that captures a tensor of the main graph."""
    inside = [node("Add", "s r", "t", "deep_add"), node("Identity", "c2", "c3", "deep_cond")]
    inputs = [info("i", [], INT), info("c2", [], BOOL), info("s", [4])]
    loop = body("loop", inside, inputs, [info("c3", [], BOOL), info("t", [4])])
    then = body("then", [node("Loop", "n on x", "o", "loop", body=loop)], [], [info("o", [4])])
    orelse = body("else", [node("Identity", "r", "o", "copy")], [], [info("o", [4])])
    nodes = [node("Exp", "x", "r", "exp"), node("If", "c", "y", "if", then_branch=then, else_branch=orelse)]
    weights = [i64("n", 2), onnx.numpy_helper.from_array(np.array(True), "on")]
    return model(nodes, [info("c", [], BOOL), info("x", [4])], [info("y", [4])], weights)


MODELS = {"if": with_if, "loop": with_loop, "scan": with_scan, "nested": nested}
FEEDS = {
    "if": [{"c": np.array(c), "x": random(4)} for c in (True, False)],
    "loop": [{"x": random(4)}],
    "scan": [{"x": random(3, 4)}],
    "nested": [{"c": np.array(c), "x": random(4)} for c in (True, False)],
}


def plans(name: str) -> list[PrecisionPlan]:
    names = [n.name for n in candidates(MODELS[name]())]
    found = [PrecisionPlan("fp16"), PrecisionPlan("bf16")]
    for seed in range(6):
        picks = np.random.default_rng(seed).choice(["fp32", "fp16", "bf16"], len(names))
        found.append(PrecisionPlan("fp32", dict(zip(names, map(str, picks), strict=True))))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(("name", "plan"), [(name, plan) for name in MODELS for plan in plans(name)])
def test_any_plan_gives_an_accepted_model_that_agrees_with_the_emulator(name: str, plan: PrecisionPlan) -> None:
    net = MODELS[name]()
    mixed, plan = accepted(rewrite(net, plan).model), legalize(net, plan).plan
    for feed in FEEDS[name]:
        emulated, typed = run(instrument(net, plan), feed), run(emulate_typed(mixed), feed)
        for a, b in zip(emulated, typed, strict=True):
            np.testing.assert_array_equal(a, b)
        for a, b in zip(emulated, run(net, feed), strict=True):
            np.testing.assert_allclose(a, b, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", MODELS)
def test_the_fp16_rewrite_runs_in_onnx_runtime(name: str) -> None:
    mixed = rewrite(MODELS[name](), PrecisionPlan("fp16")).model
    for feed in FEEDS[name]:
        assert [np.isfinite(y).all() for y in run(mixed, feed)] == [True] * len(mixed.graph.output)


def test_candidates_are_found_in_bodies() -> None:
    found = [(n.name, n.scope) for n in candidates(with_if())]
    assert found == [
        ("relu", ""),
        ("tail", ""),
        ("else_add", "/if.else_branch"),
        ("else_neg", "/if.else_branch"),
        ("then_mul", "/if.then_branch"),
        ("then_exp", "/if.then_branch"),
    ]


def test_a_captured_tensor_is_cast_once_where_it_is_made() -> None:
    mixed = rewrite(with_if(), PrecisionPlan("fp16", {"relu": "fp32"})).model
    assert casts(mixed.graph) == [("r", "fp16"), ("y", "fp16"), ("z__fp16", "fp32")]
    branches = {a.name: a.g for a in next(n for n in mixed.graph.node if n.op_type == "If").attribute}
    assert {name: casts(graph) for name, graph in branches.items()} == {
        "else_branch": [("o__fp16", "fp32")],
        "then_branch": [("o__fp16_1", "fp32")],
    }
    assert [t.name for t in branches["else_branch"].initializer] == ["v__fp16"]
    assert [t.name for t in mixed.graph.initializer] == ["w__fp16"]


def test_loop_state_stays_fp32_at_the_border() -> None:
    mixed = rewrite(with_loop(), PrecisionPlan("fp16")).model
    loop = next(n for n in mixed.graph.node if n.op_type == "Loop")
    inner = loop.attribute[0].g
    assert [v.type.tensor_type.elem_type for v in (*inner.input, *inner.output)] == [7, 9, 1, 9, 1, 1]
    assert casts(inner) == [("state", "fp16"), ("next__fp16", "fp32"), ("seen__fp16", "fp32")]


def test_a_trip_count_computed_in_float_is_never_low() -> None:
    net = with_loop()
    net.graph.initializer.remove(next(t for t in net.graph.initializer if t.name == "n"))
    net.graph.initializer.append(f32("half", 1.5))
    net.graph.initializer.append(f32("two", 2))
    chain = [node("Mul", "half two", "m", "count_mul"), node("Cast", "m", "n", "count_cast", to=INT)]
    nodes = [*chain, *net.graph.node]
    del net.graph.node[:]
    net.graph.node.extend(nodes)
    assert {"count_mul", "count_cast"}.isdisjoint(n.name for n in candidates(net))
    accepted(rewrite(net, PrecisionPlan("fp16")).model)

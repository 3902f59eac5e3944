"""A branch that overflows and a loop that counts beyond 2048: both are seen, found and explained inside."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, i64, info, model, node
from onnx import TensorProto, helper

from trtflow.data import Sample
from trtflow.tasks.bisect import bisect
from trtflow.tasks.bisection import BisectSettings
from trtflow.tasks.compare import compare
from trtflow.tasks.diagnose import diagnose

STEPS = 2100
SAMPLES = [Sample({"x": np.linspace(1, 3, 4, dtype=np.float32) + k, "c": np.array(k % 2 == 0)}) for k in range(4)]


@pytest.fixture(scope="module")
def net() -> onnx.ModelProto:
    """One branch multiplies by 50,000 and back, the other negates; the result over the number of steps."""
    up = [node("Mul", "r big", "huge", "up"), node("Mul", "huge small", "there", "down")]
    then = helper.make_graph(up, "then", [], [info("there", [4])], [f32("big", 5e4), f32("small", 2e-5)])
    other = helper.make_graph([node("Neg", "r", "minus", "neg")], "else", [], [info("minus", [4])])
    steps = [node("Identity", "go", "went", "went"), node("Add", "count one", "more", "count")]
    given = [info("i", [], TensorProto.INT64), info("go", [], TensorProto.BOOL), info("count", [1])]
    body = helper.make_graph(steps, "body", given, [info("went", [], TensorProto.BOOL), info("more", [1])])
    nodes = [
        node("Relu", "x", "r", "relu"),
        node("If", "c", "z", "if", then_branch=then, else_branch=other),
        node("Loop", "n on zero", "total", "loop", body=body),
        node("Div", "z total", "y", "mean"),
    ]
    weights = [i64("n", STEPS), onnx.numpy_helper.from_array(np.array(True), "on"), f32("zero", [0]), f32("one", [1])]
    return model(nodes, [info("x", [4]), info("c", [], TensorProto.BOOL)], [info("y", [4])], weights)


def test_a_branch_is_measured_where_it_is_taken_and_a_loop_over_its_steps(net: onnx.ModelProto) -> None:
    found = compare(net, SAMPLES)
    counts = {layer.node: found.first[layer.tensor].count for layer in found.layers}
    assert counts == {"relu": 16, "up": 8, "down": 8, "neg": 8, "count": 4 * STEPS, "mean": 16}
    assert (found.first["huge"].cand_inf, found.first["minus"].cand_inf) == (7, 0)
    assert found.first["more"].cand_amax == 2048 < found.first["more"].ref_amax == STEPS
    assert found.unseen == ()


def test_the_culprits_are_found_and_the_branch_has_its_reason(net: onnx.ModelProto) -> None:
    statistics = compare(net, SAMPLES)
    found = bisect(net, SAMPLES, statistics=statistics, settings=BisectSettings(baselines=(), held_out=0))
    assert {"up", "down"} <= found.search.because.keys() <= {"up", "down", "count", "mean"}
    assert {(one.node, one.code) for one in diagnose(net, statistics) if one.code == "R01"} == {
        ("up", "R01"),
        ("down", "R01"),
    }

"""Loops inside an If that read from outside, and nothing else, are held."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_models import f32, i64, info, model, node
from onnx import TensorProto, helper

from trtflow.model.nested import WHY, held
from trtflow.model.scopes import scopes
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.rewriting.promotion import legalize
from trtflow.rewriting.rewrite import rewrite

BOOL = TensorProto.BOOL
ADD = node("Add", "s r", "u", "add")


def loop(nodes: list[onnx.NodeProto], state: str = "x", name: str = "loop") -> onnx.NodeProto:
    """Turns the state ``s`` into ``u``, from ``state`` into ``lo``."""
    given = [info(f"{name}_i", [], TensorProto.INT64), info("go", [], BOOL), info("s", [4])]
    ends = [info("went", [], BOOL), info("u", [4])]
    body = helper.make_graph([*nodes, node("Identity", "go", "went", f"{name}_went")], name, given, ends)
    return helper.make_node("Loop", ["n", "on", state], ["lo"], name, body=body)


def branch(nodes: list[onnx.NodeProto], name: str = "if") -> onnx.NodeProto:
    """An If that ends in ``lo`` or in Sin(r)."""
    then = helper.make_graph(nodes, "then", [], [info("lo", [4])])
    other = helper.make_graph([node("Sin", "r", "e", f"{name}_sin")], "else", [], [info("e", [4])])
    return node("If", "c", "o", name, then_branch=then, else_branch=other)


def net(nodes: list[onnx.NodeProto], end: str = "o") -> onnx.ModelProto:
    weights = [i64("n", 2), onnx.numpy_helper.from_array(np.array(True), "on"), f32("k", [1, 2, 3, 4])]
    around = [node("Exp", "x", "r", "exp"), *nodes, node("Neg", end, "y", "neg")]
    return model(around, [info("c", [], BOOL), info("x", [4])], [info("y", [4])], weights)


CASES = {
    "reads what the main graph makes": (net([branch([loop([ADD])])]), {"add", "exp", "loop_went"}),
    "reads what its branch makes": (
        net([branch([node("Cos", "x", "b", "cos"), loop([node("Add", "s b", "u", "add")])])]),
        {"add", "cos", "loop_went"},
    ),
    "reads what is fed": (net([branch([loop([node("Add", "s x", "u", "add")])])]), {"add", "loop_went"}),
    "reads a constant": (net([branch([loop([node("Add", "s k", "u", "add")])])]), set()),
    "takes it as its state": (net([branch([loop([node("Neg", "s", "u", "neg2")], "r")])]), set()),
    "is in no If": (net([loop([ADD])], "lo"), set()),
    "is in an If in a Loop": (
        net([loop([branch([loop([ADD], name="inner")]), node("Abs", "o", "u", "abs")])], "lo"),
        {"add", "exp", "inner_went"},
    ),
    "has an If inside": (
        net([loop([branch([node("Cos", "s", "lo", "cos")]), node("Abs", "o", "u", "abs")])], "lo"),
        set(),
    ),
}


@pytest.mark.parametrize(("given", "expected"), CASES.values(), ids=CASES)
def test_the_body_is_held_and_who_makes_what_it_reads(given: onnx.ModelProto, expected: set[str]) -> None:
    assert held(tuple(scopes(given))) == expected


def test_a_plan_has_them_in_fp32_and_says_why() -> None:
    given, _ = CASES["reads what the main graph makes"]
    legal = legalize(given, PrecisionPlan(FP16))
    assert legal.plan == PrecisionPlan(FP16, {"add": FP32, "exp": FP32})
    assert legal.promoted == {"add": WHY, "exp": WHY}


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
@pytest.mark.parametrize("name", [name for name in CASES if name != "reads what its branch makes"])
def test_any_node_may_be_low_in_a_plan_that_is_built(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parents[2] / "benchmarks")])
    from conformance_build import build

    given, _ = CASES[name]
    low = [PrecisionPlan(FP16), *(PrecisionPlan(FP32, {n: FP16}) for n in ("exp", "neg"))]
    assert [build(rewrite(given, plan).model) for plan in low] == [""] * 3

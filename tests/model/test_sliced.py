"""What moves a slice has its reader's precision, where the slice is cut along another axis than the first."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path

import onnx
import pytest
from graph_models import accepted, f32, i64, info, model, node, random, run
from onnx import helper

from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.model.analysis import analyse
from trtflow.model.dequantized import tied_groups
from trtflow.model.scopes import scopes
from trtflow.model.sliced import slices
from trtflow.model.units import readers
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.rewriting.promotion import SLICED, legalize
from trtflow.rewriting.rewrite import rewrite

MOVES = [node("Unsqueeze", "r ax", "r1", "up"), node("Transpose", "r1", "r2", "turn"), node("Squeeze", "r2 bx", "r3")]
PRODUCT = [node("MatMul", "r w", "m", "matmul"), node("Add", "m s", "n", "add"), node("Mul", "t n", "o", "mul")]


def scan(nodes: list[onnx.NodeProto], **how: list[int]) -> onnx.ModelProto:
    """Over ``x`` and ``u``, slices ``r`` and ``t``, with the state ``s``."""
    given = [info(name, [4]) for name in "srt"]
    body = helper.make_graph(nodes, "body", given, [info("n", [4]), info("o", [4])])
    weights = [f32("w", random(4, 4)), f32("zero", random(4)), i64("ax", [0]), i64("bx", [1])]
    outer = node("Scan", "zero x u", "last y", "scan", body=body, num_scan_inputs=2, **how)
    sizes = [[4, 3] if axis else [3, 4] for axis in how.get("scan_input_axes", [0, 0])]
    return model([outer], [info("x", sizes[0]), info("u", sizes[1])], [info("last", [4]), info("y", [3, 4])], weights)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, []),
        ({"scan_input_axes": [0, 0]}, []),
        ({"scan_input_axes": [1, 0]}, ["r"]),
        ({"scan_input_axes": [1, 1]}, ["r", "t"]),
        ({"scan_input_axes": [0, -1]}, ["t"]),
    ],
    ids=str,
)
def test_slices_along_the_first_axis_are_none_of_them(how: dict[str, list[int]], expected: list[str]) -> None:
    assert list(slices(scopes(scan(PRODUCT, **how)))) == [("/scan.body", name) for name in expected]


def moved(first: int) -> onnx.ModelProto:
    """The slice ``r`` is moved three times before it is used."""
    nodes = [*MOVES, node("Add", "r3 s", "n", "add"), node("Mul", "t n", "o", "mul")]
    return scan(nodes, scan_input_axes=[first, 0])


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (moved(1), {frozenset({"up", "turn", "n_r3", "add"})}),
        (moved(0), set()),
        (scan(PRODUCT, scan_input_axes=[1, 1]), set()),
    ],
    ids=["moved", "along the first axis", "computed with at once"],
)
def test_movements_are_tied_to_what_computes(net: onnx.ModelProto, expected: set[frozenset[str]]) -> None:
    analysis = analyse(net)
    assert set(tied_groups(analysis, readers(analysis))) == expected


def test_a_torn_group_is_fp32_and_says_why() -> None:
    legal = legalize(moved(1), PrecisionPlan(FP16, {"up": FP32}))
    assert legal.promoted == dict.fromkeys(["turn", "n_r3", "add"], SLICED)


PLANS = [
    PrecisionPlan(FP16, dict.fromkeys(high, FP32))
    for count in range(4)
    for high in itertools.combinations(["up", "turn", "add", "mul"], count)
]


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_any_plan_agrees_with_the_emulator(plan: PrecisionPlan) -> None:
    net, feed = moved(1), {"x": random(4, 3), "u": random(3, 4)}
    typed = run(emulate_typed(accepted(rewrite(net, plan).model)), feed)
    assert all((a == b).all() for a, b in zip(run(instrument(net, plan), feed), typed, strict=True))


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
@pytest.mark.parametrize("first", [0, 1])
def test_any_plan_builds(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parents[2] / "benchmarks")])
    from conformance_build import build

    assert {build(rewrite(moved(first), plan).model) for plan in PLANS} == {""}

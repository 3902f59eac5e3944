"""Each kept node has the one word that was shown of it, and the sentence that goes with it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import onnx
import pytest
from graph_models import f32, info, model, node, random

from trtflow.files.search import Because, Word
from trtflow.files.statistics import Statistics
from trtflow.model.layers import Layer
from trtflow.numerics.record import Figures
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.search.oracle import Outcome
from trtflow.search.problem import Edge, Problem, Unit
from trtflow.search.run import SearchResult
from trtflow.search.shown import Shown
from trtflow.tasks.because import CHEAPER, NEEDED, NOTHING_HOLDS, UNPROVEN, because

NODES = ("scale", "mid", "log", "tail")
TENSORS = ("x", "a", "b", "c", "y")
FORCED = "constant huge reaches 1e+06, which fp16 turns into inf"


@pytest.fixture
def net() -> onnx.ModelProto:
    """A chain of four; ``scale`` holds a constant that FP16 cannot."""
    ops = ("Mul", "Abs", "Log", "Neg")
    ins = ("x huge", "a", "b", "c")
    nodes = [node(op, read, out, name) for op, read, out, name in zip(ops, ins, TENSORS[1:], NODES, strict=True)]
    return model(nodes, [info("x", ["N", 4])], [info("y", ["N", 4])], [f32("huge", 1e6)])


def chain(forced: tuple[str, ...] = ("scale",), low: Precision = "fp16") -> Problem:
    edges = tuple(Edge(first, (second,)) for first, second in pairwise(NODES))
    units = tuple(Unit(i, (name,)) for i, name in enumerate(NODES))
    return Problem(units, low=low, edges=edges, forced=frozenset(forced))


def result(*kept: str, accepted: bool = True, **proof: frozenset[str]) -> SearchResult:
    plan, outcome = PrecisionPlan("fp16", dict.fromkeys(kept, "fp32")), Outcome(accepted, 1.0, 0.1)
    shown = Shown(**proof)
    return SearchResult(plan, accepted, True, (), outcome, outcome, outcome, 0.1, None, "", 0, shown)


WORDS: dict[str, tuple[SearchResult, dict[str, tuple[Word, str]]]] = {
    "every word": (
        result("scale", "mid", "log", "tail", needed=frozenset({"log"}), merged=frozenset({"mid"})),
        {
            "scale": ("constant", FORCED),
            "mid": ("cheaper", CHEAPER),
            "log": ("needed", NEEDED),
            "tail": ("unproven", UNPROVEN),
        },
    ),
    "nothing holds": (
        result("scale", "log", accepted=False),
        {"scale": ("constant", FORCED), "log": ("unproven", NOTHING_HOLDS)},
    ),
    "nothing is kept": (result(), {}),
}


@pytest.mark.parametrize(("found", "words"), WORDS.values(), ids=WORDS)
def test_a_node_has_the_word_that_was_shown_of_it(
    net: onnx.ModelProto, found: SearchResult, words: dict[str, tuple[Word, str]]
) -> None:
    said = because(net, chain(), found, None)
    assert {name: (why.word, why.text) for name, why in said.items()} == words


def test_a_node_without_a_kernel_is_forced_and_the_rule_is_named() -> None:
    nodes = [node("ConvTranspose", "x w", "y", "up")]
    net = model(nodes, [info("x", [1, 2, 3, 3])], [info("y", [1, 2, 3, 3])], [f32("w", random(2, 2, 1, 1))])
    problem = Problem((Unit(0, ("up",)),), low="bf16", forced=frozenset({"up"}))
    said = because(net, problem, replace(result(), plan=PrecisionPlan("bf16", {"up": "fp32"})), None)
    assert said == {"up": Because(word="forced", text="ConvTranspose: TensorRT does not take it in bf16")}


def test_kept_nodes_know_the_kept_ones_that_they_share_a_tensor_with(net: onnx.ModelProto) -> None:
    said = because(net, chain(), result("scale", "mid", "tail"), None)
    assert {name: why.beside for name, why in said.items()} == {"scale": ("mid",), "mid": ("scale",), "tail": ()}


@pytest.mark.parametrize(
    ("kept", "amax", "said"),
    [
        (("scale",), 1e6, True),
        (("scale",), 65_519.0, False),
        (("scale",), 65_521.0, True),
        (("scale", "mid"), 1e6, False),
    ],
    ids=["read low", "rounds to the largest", "rounds to infinity", "read high"],
)
def test_a_kept_output_that_the_cast_makes_infinite_all_the_same_is_said(
    net: onnx.ModelProto, kept: tuple[str, ...], amax: float, said: bool
) -> None:
    layers = (Layer("a", "scale", "Mul", 0),)
    figures = {"fp16": {"a": Figures(ref_amax=amax)}}
    statistics = Statistics(samples=1, rounding="tensor", layers=layers, candidates=figures)
    text = because(net, chain(), result(*kept), statistics)["scale"].text
    assert text.startswith(FORCED)
    assert ("the Cast of its output to fp16 for mid makes" in text) == said

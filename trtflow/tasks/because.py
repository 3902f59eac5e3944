"""Why each node of a plan is kept: one word and its sentence, from what the search has shown and what rules force."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

import numpy as np
from onnx import ModelProto

from trtflow.diagnosis.fp16 import Statistics as Ranges
from trtflow.diagnosis.fp16 import figures_of
from trtflow.files.search import Because, Word
from trtflow.files.statistics import Statistics
from trtflow.model.analysis import Analysis, analyse
from trtflow.model.assignment import edges
from trtflow.plan import PrecisionPlan
from trtflow.precision import ROWS, Precision
from trtflow.rewriting.promotion import Legal, legalized
from trtflow.search.problem import Problem
from trtflow.search.run import SearchResult

NEEDED = "the condition fails without it, as was measured"
UNPROVEN = "part of the cheapest plan that holds; that it is needed was not shown"
NOTHING_HOLDS = "no plan with less was accepted"
CHEAPER = "the condition holds without it, but Casts around it would cost more than it saves"
CUSTOM = "the search was not free to lower it"
HARMFUL = "in the low precision it holds infinities where FP32 has none, and nothing shows them to be harmless"


def because(
    model: ModelProto,
    problem: Problem,
    result: SearchResult,
    statistics: Statistics | None,
    mended: Collection[str] = (),
) -> dict[str, Because]:
    """Why each node that the plan of ``result`` keeps is kept, by name.

    ``statistics`` of the FP32 run tell which outputs the Casts behind a kept node make infinite all the same;
    ``mended`` nodes are kept for infinities of their own.
    """
    analysis = analyse(model)
    legal = legalized(analysis, PrecisionPlan(problem.low))
    ranges = {} if statistics is None else statistics.first
    beyond = dict(_cast_to_infinity(analysis, result.plan, problem.low, ranges))
    kept = sorted(result.plan.nodes)
    beside = _beside(problem, frozenset(kept))

    def why(node: str) -> Because:
        word, text = ("forced", HARMFUL) if node in mended else _word(node, problem, result, legal)
        said = f"{text}; {beyond[node]}" if node in beyond else text
        return Because(word=word, text=said, beside=beside.get(node, ()))

    return {node: why(node) for node in kept}


def _word(node: str, problem: Problem, result: SearchResult, legal: Legal) -> tuple[Word, str]:
    if node in problem.forced:
        return "constant" if node in legal.by_constant else "forced", legal.promoted.get(node, CUSTOM)
    if not result.accepted:
        return "unproven", NOTHING_HOLDS
    if node in result.shown.needed:
        return "needed", NEEDED
    return ("cheaper", CHEAPER) if node in result.shown.merged else ("unproven", UNPROVEN)


def _beside(problem: Problem, kept: frozenset[str]) -> Mapping[str, tuple[str, ...]]:
    """The kept nodes that each kept node shares a tensor with: producer first, then in the order of the graph."""
    found: dict[str, dict[str, None]] = {}
    for edge in problem.edges:
        together = [node for node in (edge.producer, *edge.consumers) if node in kept]
        for node in together:
            found.setdefault(node, {}).update((other, None) for other in together if other != node)
    return {node: tuple(others) for node, others in found.items()}


def _cast_to_infinity(
    analysis: Analysis, plan: PrecisionPlan, low: Precision, ranges: Ranges
) -> Iterator[tuple[str, str]]:
    """Kept nodes with an output that ``low`` cannot hold and that is read in it, each with a sentence about that."""
    readers: dict[str, str] = {}
    assigned = edges(analysis, plan).inputs
    for node in analysis.candidates:
        for index, precision in assigned.get(node.name, {}).items():
            if precision == low:
                readers.setdefault(node.inputs[index], node.name)
    for node in analysis.candidates:
        for tensor in node.outputs:
            amax = figures_of(ranges, tensor).ref_amax
            if node.name in plan.nodes and tensor in readers and _overflows(amax, low):
                does = f"the Cast of its output to {low} for {readers[tensor]} makes {amax:.3g} infinite all the same"
                yield node.name, f"{does}, and was measured so"


def _overflows(value: float, precision: Precision) -> bool:
    with np.errstate(over="ignore"):
        return not math.isfinite(float(ROWS[precision].dtype.type(value)))

"""The search problem of a model: its units, what they cost in high precision, and what the ranges give away.

Costs are estimated times on a roofline, multiply-adds and bytes added up, with the rates of an A100 (its data
sheet: 19.5 TFLOP/s in FP32, 1555 GB/s); only their proportions matter. A Cast reads 4 and writes 2 bytes an
element, or the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from onnx import ModelProto

from trtflow.diagnosis.fp16 import diagnose
from trtflow.diagnosis.node_facts import node_facts
from trtflow.files.statistics import Statistics
from trtflow.model.analysis import analyse, candidates
from trtflow.model.cost import costs
from trtflow.model.dequantized import tied_groups
from trtflow.model.scopes import is_constant
from trtflow.model.shapes import inferred_shapes, tensor_bytes
from trtflow.model.units import found_units, readers
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, Precision
from trtflow.rewriting.promotion import legalized
from trtflow.search.problem import Edge, Problem, Unit

FLOPS, BANDWIDTH = 19.5e12, 1.555e12
Shapes = Mapping[str, tuple[int, ...]]


def build_problem(
    model: ModelProto, low: Precision, high: Precision, shapes: Shapes, statistics: Statistics | None
) -> Problem:
    """What ``search`` needs to know of ``model`` when its inputs have ``shapes``.

    ``statistics`` are those of ``compare``; without them nothing is suspected beforehand.
    """
    price = {
        name: 2 * cost.macs / FLOPS + cost.bytes / BANDWIDTH for name, cost in costs(model, dict(shapes)).items()
    }
    total = math.fsum(price.values()) or 1.0
    shares = {name: value / total for name, value in price.items()}
    analysis = analyse(model)
    found, edges = found_units(analysis), _edges(model, shapes, total)
    return Problem(
        units=tuple(Unit(unit.id, unit.nodes, math.fsum(shares.get(n, 0.0) for n in unit.nodes)) for unit in found),
        low=low,
        high=high,
        edges=edges,
        forced=frozenset(legalized(analysis, PrecisionPlan(low)).promoted),
        priors=_priors(model, low, statistics, edges),
        node_costs=shares,
        tied=tied_groups(analysis, readers(analysis)),
    )


def _edges(model: ModelProto, shapes: Shapes, total: float) -> tuple[Edge, ...]:
    """The float tensors of the main graph that a Cast may stand on: constants are converted offline, for nothing.

    What no candidate writes or reads is in high precision.
    """
    known = {info.name for info in candidates(model)}
    made = {name: node.name for node in model.graph.node if not is_constant(node) for name in node.output}
    inputs = {value.name for value in model.graph.input} - {tensor.name for tensor in model.graph.initializer}
    readers: dict[str, list[str | None]] = {value.name: [None] for value in model.graph.output}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node.name if node.name in known else None)
    sizes = tensor_bytes(inferred_shapes(model, shapes))
    return tuple(
        Edge(made[name] if made.get(name) in known else None, tuple(users), 1.5 * sizes[name] / BANDWIDTH / total)
        for name, users in readers.items()
        if name in sizes and (name in made or name in inputs) and (made.get(name) in known or any(users))
    )


def _priors(
    model: ModelProto, low: Precision, statistics: Statistics | None, edges: tuple[Edge, ...]
) -> dict[str, float]:
    """Infinite for nodes that touch values which FP16 cannot hold; 1 where a rule suspects something else.

    Who shares a tensor with a suspect is suspected too: rounding that tensor is as much theirs.
    """
    if statistics is None or low != FP16:
        return {}
    facts = node_facts(model)
    findings = diagnose(facts, statistics.first)
    suspects = {finding.node for finding in findings}
    near: set[str] = set()
    for edge in edges:
        touching = {node for node in (edge.producer, *edge.consumers) if node}
        if touching & suspects:
            near |= touching
    certain = {finding.node for finding in findings if finding.code in ("R01", "R04")}
    return {**dict.fromkeys(near | suspects, 1.0), **dict.fromkeys(certain, math.inf)}

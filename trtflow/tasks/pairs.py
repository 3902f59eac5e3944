"""What the Q/DQ pairs that a file came with cost: with all of them, and without those of one node at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from math import isfinite

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.files.pairs import PairCost, PairCosts
from trtflow.model.analysis import Analysis, analyse
from trtflow.model.dequantized import tied_groups
from trtflow.model.units import readers
from trtflow.qdq.bypass import without_pairs
from trtflow.qdq.held import holds_pairs
from trtflow.runners.evaluate import UserMetric
from trtflow.runners.reference import ReferenceRunner
from trtflow.tasks.documents import Documents
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.tasks.judge import Conditions, judge_by
from trtflow.text import counted


def pair_costs(
    model: ModelProto,
    data: Iterable[Sample],
    *,
    accept: Conditions | None = None,
    metric: UserMetric | None = None,
    allow_nonfinite: bool = False,
    samples: int = 16,
    limit: int = 64,
    hooks: Hooks = SILENT,
) -> PairCosts:
    """End metrics of ``model`` on the first ``samples``, held against the same network without its pairs.

    At most ``limit`` nodes are measured, each in a session of its own, in topological order.

    Raises:
        DataError: the outputs without pairs are none to judge by.
        MetricError: a condition names a metric that cannot be measured.
    """
    analysis = analyse(model)
    if not holds_pairs(analysis):
        return PairCosts()
    fed = list(islice(data, samples))
    floats, _ = without_pairs(model)
    evaluator = judge_by(accept, metric, allow_nonfinite).evaluator(floats, fed, hooks)
    groups = list(_fed_by_pairs(analysis))
    found = []
    for index, (node, dequantizers) in enumerate(groups[:limit]):
        hooks.progress(index, min(limit, len(groups)), node)
        bare, _ = without_pairs(model, dequantizers)
        metrics = evaluator.measure(ReferenceRunner(bare)).metrics
        op = analysis.by_name[node][1].op_type
        found.append(PairCost(node=node, op=op, dequantizers=dequantizers, metrics=metrics))
    return PairCosts(
        samples=len(fed),
        floats=evaluator.reference.metrics,
        held=evaluator.measure(ReferenceRunner(model)).metrics,
        nodes=tuple(sorted(found, key=lambda entry: -entry.metrics["sqnr"])),
        untried=max(0, len(groups) - limit),
    )


def _fed_by_pairs(analysis: Analysis) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each node of the main graph that reads dequantized values, and what dequantizes them."""
    order = {info.name: place for place, info in enumerate(analysis.candidates) if not info.scope}
    for group in tied_groups(analysis, readers(analysis)):
        if group <= order.keys():
            names = sorted(group, key=order.__getitem__)
            yield names[-1], tuple(n for n in names if analysis.by_name[n][1].op_type == "DequantizeLinear")


def pairs_mark(documents: Documents) -> Iterator[str]:
    """That the reference has pairs of its own, what they cost, and where most of it is."""
    costs = documents.pairs
    if costs is None or not costs.held:
        return
    figures = ", ".join(_figure(name, value, costs.floats[name]) for name, value in costs.held.items())
    worst = costs.nodes[0] if costs.nodes else None
    most = f"; without those of {worst.node}, sqnr {worst.metrics['sqnr']:.4g}" if worst else ""
    yield (
        f"The reference is the file with its own Q/DQ pairs; on {counted(costs.samples, 'sample')} these cost, "
        "against the same network without them: "
        f"{figures}{most}. To quantize it anew: requantize: true."
    )


def _figure(name: str, held: float, floats: float) -> str:
    return f"{name} {held:.4g} (without them {floats:.4g})" if isfinite(floats) else f"{name} {held:.4g}"

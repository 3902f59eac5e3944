"""Does a plan hold on kernels that add products up in FP16? Looked at only where a partial sum can be too large."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from onnx import ModelProto, NodeProto

from trtflow.data import Sample
from trtflow.emulation.accumulation import products
from trtflow.emulation.emulate import Rounding
from trtflow.files.statistics import Statistics
from trtflow.model.analysis import analyse
from trtflow.model.constants import values
from trtflow.model.scopes import Scope
from trtflow.model.shapes import Sizes, inferred_shapes
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, ROWS
from trtflow.runners.accumulated import AccumulatedRunner
from trtflow.runners.evaluate import Evaluator
from trtflow.tasks.documents import Documents
from trtflow.text import listed


def refused_by_fp16_sums(
    model: ModelProto,
    plan: PrecisionPlan,
    evaluator: Evaluator,
    statistics: Statistics | None,
    rounding: Rounding = "tensor",
) -> tuple[str, ...]:
    """The nodes whose sums in FP16 overflow, where ``plan``, which holds otherwise, is refused for it.

    ``statistics`` of FP32 tell which nodes cannot; without any nothing is measured. Nodes in bodies of control flow
    are not looked at.
    """
    nodes = suspects(model, plan, statistics, evaluator.samples) if statistics else ()
    if not nodes:
        return ()
    runner = AccumulatedRunner(model, plan, nodes, rounding, evaluator.selection.before)
    accepted = evaluator.judge(evaluator.measure(runner)).accepted
    return () if accepted else tuple(name for name in nodes if name in runner.overflowed)


def suspects(
    model: ModelProto, plan: PrecisionPlan, statistics: Statistics, samples: Sequence[Sample]
) -> tuple[str, ...]:
    """The FP16 products of the main graph of which a partial sum may exceed FP16, by the largest magnitudes."""
    analysis = analyse(model)
    main, names = analysis.scopes[0], products(model, plan)
    if not names:
        return ()
    largest = max(samples, key=lambda sample: sum(math.prod(shape) for shape in sample.shapes.values()))
    shapes = inferred_shapes(model, largest.shapes)
    amax = {name: figures.ref_amax for name, figures in statistics.first.items()}
    placed = [(scope, node) for scope, node in map(analysis.by_name.__getitem__, names) if scope is main]
    return tuple(node.name for scope, node in placed if _reach(scope, node, amax, shapes) > ROWS[FP16].largest)


def _reach(scope: Scope, node: NodeProto, amax: Mapping[str, float], shapes: Mapping[str, Sizes]) -> float:
    """The most that Σ |a| |b| can come to; infinite where nothing is known."""
    sums, peaks = [], []
    for index, name in enumerate(node.input[:2]):
        constant = scope.constant(name)
        weight = None if constant is None else np.abs(values(constant)).astype(np.float64)
        axes = _summed(node, index)
        if weight is not None:
            sums.append(float(weight.sum(axis=axes).max(initial=0)))
            peaks.append(float(weight.max(initial=0)))
            continue
        peak, sizes = amax.get(name, math.inf), shapes.get(name)
        depth = math.inf if sizes is None or node.op_type == "Conv" else math.prod(sizes[axis] for axis in axes)
        sums.append(peak * depth)
        peaks.append(peak)
    return min(sums[0] * peaks[1], sums[1] * peaks[0])


def _summed(node: NodeProto, index: int) -> tuple[int, ...]:
    """The axes of an operand over which products are added up; of Conv that is told for the weight only."""
    if node.op_type == "Conv":
        return tuple(range(-_rank(node) + 1, 0))
    flag = next((a.i for a in node.attribute if a.name == ("transA", "transB")[index]), 0)
    return (-1,) if bool(flag) == bool(index) else (-2,)


def _rank(node: NodeProto) -> int:
    kernel = next((list(a.ints) for a in node.attribute if a.name == "kernel_shape"), [])
    return len(kernel) + 2


def told(nodes: Sequence[str]) -> str:
    """What ``search.json`` says of nodes that ``refused_by_fp16_sums`` found."""
    if not nodes:
        return ""
    return (
        f"with sums in FP16 the plan is refused: partial sums of {listed(nodes)} exceed {ROWS[FP16].largest:g}, "
        "though the results fit. Kernels that accumulate in FP32 are not concerned, and which one runs is the builder's "
        "choice. Multiply an operand by a power of two, which is exact (in attention the scale, before the product "
        "instead of behind it), keep these nodes in fp32, or search with `accumulation: fp16`"
    )


def accumulation_mark(documents: Documents) -> Iterator[str]:
    """The mark of a plan that holds on kernels that accumulate in FP32 only; nothing where an engine judged."""
    measured = documents.verdict is not None and documents.verdict.runner != "emulated"
    if documents.floats is not None and documents.floats.accumulation and not measured:
        yield f"depends on the kernel: {documents.floats.accumulation}"

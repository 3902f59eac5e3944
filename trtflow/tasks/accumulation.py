"""Does a plan hold on kernels that add products up in FP16? Looked at only where a partial sum can be too large."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from onnx import ModelProto, NodeProto

from trtflow.data import Sample
from trtflow.emulation.accumulation import products
from trtflow.emulation.emulate import Rounding
from trtflow.errors import PlanError
from trtflow.files.statistics import Statistics
from trtflow.model.analysis import analyse
from trtflow.model.constants import values
from trtflow.model.scopes import Scope
from trtflow.model.shapes import Sizes, inferred_shapes
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, ROWS, Accumulation, Precision, label
from trtflow.runners.accumulated import AccumulatedRunner
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import EmulatedRunner
from trtflow.runners.evaluate import Evaluator
from trtflow.tasks.documents import Documents
from trtflow.text import listed

SAMPLES = 4  # a mark is worth a few passes at most
PATCHES = 1 << 26  # FP32 values, 256 MB
UNKNOWN = sys.float_info.max  # a magnitude or size of which nothing is known; times zero it is zero


def refused_by_fp16_sums(
    model: ModelProto,
    plan: PrecisionPlan,
    evaluator: Evaluator,
    statistics: Statistics | None,
    rounding: Rounding = "tensor",
    log: Callable[[str], None] = lambda line: None,
) -> tuple[str, ...]:
    """The nodes whose sums in FP16 overflow, where ``plan``, which holds otherwise, is refused for it.

    ``statistics`` of FP32 tell which nodes cannot; without any nothing is measured. The ``SAMPLES`` loudest
    samples are. Nodes in bodies of control flow are not looked at; what cannot be measured is logged, not claimed.
    """
    try:
        nodes = suspects(model, plan, statistics, evaluator.samples, log) if statistics else ()
        return _overflowing(model, plan, nodes, evaluator, rounding) if nodes else ()
    except Exception as error:  # whatever it is: the search has its result, which stands without a mark
        log(f"sums in {label(FP16)} were not looked at: {error}")
        return ()


def _overflowing(
    model: ModelProto, plan: PrecisionPlan, nodes: Sequence[str], evaluator: Evaluator, rounding: Rounding
) -> tuple[str, ...]:
    part = evaluator.over(loudest(evaluator.samples))
    taps = part.selection.before
    runner = AccumulatedRunner(model, plan, nodes, rounding, taps)
    if not _refused(part, runner) or not runner.overflowed:
        return ()
    few = _refused(part, EmulatedRunner(model, plan, rounding, taps))  # what holds on all need not hold on these
    return () if few else tuple(name for name in nodes if name in runner.overflowed)


def _refused(evaluator: Evaluator, runner: Runner) -> bool:
    return not evaluator.judge(evaluator.measure(runner)).accepted


def loudest(samples: Sequence[Sample]) -> list[int]:
    """Where the ``SAMPLES`` with the largest sums of magnitudes are, in order."""
    levels = [sum(float(np.abs(fed).sum(dtype=float)) for fed in sample.feed.values()) for sample in samples]
    return sorted(sorted(range(len(samples)), key=lambda index: -levels[index])[:SAMPLES])


def suspects(
    model: ModelProto,
    plan: PrecisionPlan,
    statistics: Statistics,
    samples: Sequence[Sample],
    log: Callable[[str], None] = lambda line: None,
) -> tuple[str, ...]:
    """The FP16 products of the main graph of which a partial sum may exceed FP16, by the largest magnitudes.

    Convolutions whose patches take too much memory to be looked at are logged and left out.
    """
    analysis = analyse(model)
    main, names = analysis.scopes[0], products(model, plan)
    if not names:
        return ()
    largest = max(samples, key=lambda sample: sum(math.prod(shape) for shape in sample.shapes.values()))
    shapes = inferred_shapes(model, largest.shapes)
    amax = {name: figures.ref_amax for name, figures in statistics.first.items()}
    placed = [node for scope, node in map(analysis.by_name.__getitem__, names) if scope is main]
    found = [node for node in placed if _reach(main, node, amax, shapes) > ROWS[FP16].largest]
    large = [node.name for node in found if _patches(node, shapes) > PATCHES]
    if large:
        log(f"sums in {label(FP16)} of {listed(large)} were not looked at: their patches are too large")
    return tuple(node.name for node in found if node.name not in large)


def _patches(node: NodeProto, shapes: Mapping[str, Sizes]) -> float:
    """The values of what ``accumulate`` unfolds a convolution's input into; of other products 0."""
    if node.op_type != "Conv":
        return 0
    weight, made = shapes.get(node.input[1]), shapes.get(node.output[0])
    return math.prod((*weight[1:], made[0], *made[2:])) if weight and made else UNKNOWN


def _reach(scope: Scope, node: NodeProto, amax: Mapping[str, float], shapes: Mapping[str, Sizes]) -> float:
    """The most that Σ |a| |b| can come to."""
    (peak, total), (other_peak, other_total) = (_side(scope, node, index, amax, shapes) for index in (0, 1))
    return min(peak * other_total, total * other_peak)


def _side(
    scope: Scope, node: NodeProto, index: int, amax: Mapping[str, float], shapes: Mapping[str, Sizes]
) -> tuple[float, float]:
    """Of an operand the largest magnitude, and the largest sum of magnitudes over what products are added up over."""
    name = node.input[index]
    constant = scope.constant(name)
    if constant is not None:
        weight = np.abs(values(constant)).astype(np.float64)
        return float(weight.max(initial=0)), float(weight.sum(axis=_summed(node, index, weight.ndim)).max(initial=0))
    peak, sizes = amax.get(name, UNKNOWN), shapes.get(name)
    if sizes is None or (node.op_type == "Conv" and index == 0):
        return peak, UNKNOWN
    return peak, peak * math.prod(sizes[axis] for axis in _summed(node, index, len(sizes)))


def _summed(node: NodeProto, index: int, rank: int) -> tuple[int, ...]:
    """The axes of an operand over which products are added up; of Conv those of its weight."""
    if node.op_type == "Conv":
        return tuple(range(1, rank))
    turned = any(given.name == ("transA", "transB")[index] and given.i for given in node.attribute)
    return (rank - 1,) if turned == bool(index) else (rank - 2,)


def told(nodes: Sequence[str]) -> str:
    """What ``search.json`` says of nodes that ``refused_by_fp16_sums`` found."""
    if not nodes:
        return ""
    return (
        f"with sums in FP16 the plan is refused: partial sums of {listed(nodes)} exceed {ROWS[FP16].largest:g}, "
        "though the results fit. Kernels that accumulate in FP32 are not concerned; which one runs is the builder's "
        "choice. Multiply an operand by a power of two, which is exact (in attention the scale, before the product "
        "instead of behind it), keep these nodes in fp32, or search with `accumulation: fp16`"
    )


def require_fp16(low: Precision, accumulation: Accumulation) -> None:
    """Hold that products of ``low`` can be added up so.

    Raises:
        PlanError: they cannot.
    """
    if accumulation == FP16 != low:
        raise PlanError(
            f"`accumulation: {FP16}` is for products in FP16; tensor cores add those of {label(low)} up in FP32: "
            "leave it out."
        )


def accumulation_mark(documents: Documents) -> Iterator[str]:
    """The mark of a plan that holds on kernels that accumulate in FP32 only; nothing where an engine judged."""
    measured = documents.verdict is not None and documents.verdict.runner != "emulated"
    if documents.floats is not None and documents.floats.accumulation and not measured:
        yield f"depends on the kernel: {documents.floats.accumulation}"

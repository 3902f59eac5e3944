"""Why nodes lose accuracy in FP16: rules over the FP32 run's statistics, one row a rule.

Arithmetic behind the bounds: FP16's largest value is 65504, its smallest normal 6.1e-5 and its smallest
subnormal 5.96e-8; its unit roundoff is 2^-11. A rule looks at one node and says what it saw, or nothing. What a
rule says is an explanation for people; which nodes are kept is decided by measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from trtflow.files.findings import Finding
from trtflow.numerics.record import Figures
from trtflow.precision import FP16, ROWS

HALF = ROWS[FP16]
CANCELLATION = 2.0**-7

_REDUCTIONS = {
    "ReduceMean", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "CumSum",
    "GlobalAveragePool", "InstanceNormalization", "LayerNormalization", "GroupNormalization",
}  # fmt: skip
_SQUARING = {
    "ReduceL2",
    "ReduceSumSquare",
    "InstanceNormalization",
    "LayerNormalization",
    "GroupNormalization",
}


@dataclass(frozen=True)
class Constant:
    """A float constant that a node reads: its largest magnitude, and what FP16 makes of the others."""

    name: str
    amax: float
    overflow: int
    flushed_share: float
    size: int


@dataclass(frozen=True)
class NodeFacts:
    """What the rules need to know of a node: float tensors only, constants apart."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: tuple[Constant, ...] = ()


Statistics = Mapping[str, Figures]
UNKNOWN = Figures()
Rule = Callable[[NodeFacts, Statistics], Finding | None]


def diagnose(
    nodes: Iterable[NodeFacts], statistics: Statistics, rules: Sequence[Rule] | None = None
) -> list[Finding]:
    """All findings of ``rules`` (left out: all), in the order of the nodes; for each node in that of the rules.

    ``statistics`` maps a tensor to the statistics of its FP32 run (see ``Figures``).
    """
    found = (rule(node, statistics) for node in nodes for rule in (RULES if rules is None else rules))
    return [finding for finding in found if finding is not None]


def figures_of(statistics: Statistics, tensor: str) -> Figures:
    """The figures of ``tensor``; all zeros where they are not known."""
    return statistics.get(tensor, UNKNOWN)


def _unhealthy_reference(node: NodeFacts, statistics: Statistics) -> Finding | None:
    for tensor in node.outputs:
        bad = figures_of(statistics, tensor).ref_nan + figures_of(statistics, tensor).ref_inf
        if bad:
            text = f"the FP32 reference itself holds {int(bad)} NaN or infinite values in {tensor}"
            return Finding("R26", node.name, text, {"tensor": tensor, "values": bad}, certain=True)
    return None


def _unholdable_constant(node: NodeFacts, statistics: Statistics) -> Finding | None:
    for constant in node.constants:
        if constant.overflow:
            text = f"constant {constant.name} reaches {constant.amax:.4g}, beyond FP16's {HALF.largest:g}"
            evidence: dict[str, float | str] = {"constant": constant.name, "amax": constant.amax}
            return Finding("R04", node.name, text, evidence, certain=True)
    return None


def _range_overflow(node: NodeFacts, statistics: Statistics) -> Finding | None:
    for tensor in (*node.outputs, *node.inputs):
        amax = figures_of(statistics, tensor).ref_amax
        if amax > HALF.largest:
            beyond = figures_of(statistics, tensor).beyond_fp16_share
            side = "its output" if tensor in node.outputs else "its input"
            text = f"{side} {tensor} reaches {amax:.6g}, beyond FP16's {HALF.largest:g} ({beyond:.2%} of the values)"
            return Finding("R01", node.name, text, {"amax": amax, "tensor": tensor, "beyond": beyond}, certain=True)
    return None


def _reduction_overflow(node: NodeFacts, statistics: Statistics) -> Finding | None:
    if node.op not in _REDUCTIONS or not node.inputs or not node.outputs:
        return None
    source = node.inputs[0]
    count, kept = figures_of(statistics, source).count, figures_of(statistics, node.outputs[0]).count
    if not kept or not count:
        return None
    length = count / kept if "Normalization" not in node.op else count
    rms = figures_of(statistics, source).ref_rms
    total = length * (rms * rms if node.op in _SQUARING else rms)
    if total <= HALF.largest:
        return None
    text = f"the sum inside reaches about {total:.4g} over {length:.0f} elements, though input and output may fit"
    return Finding("R02", node.name, text, {"sum": total, "length": length, "tensor": source}, certain=False)


def _softmax_overflow(node: NodeFacts, statistics: Statistics) -> Finding | None:
    if node.op != "Softmax" or not node.inputs:
        return None
    amax = figures_of(statistics, node.inputs[0]).ref_amax
    if amax <= HALF.largest / 2:
        return None
    text = f"attention scores reach {amax:.4g}"
    return Finding("R03", node.name, text, {"amax": amax, "tensor": node.inputs[0]}, certain=amax > HALF.largest)


def _flushed_epsilon(node: NodeFacts, statistics: Statistics) -> Finding | None:
    if node.op not in ("Add", "Max", "Clip", "Div"):
        return None
    for constant in node.constants:
        if constant.size == 1 and 0 < constant.amax <= HALF.flushed:
            text = f"constant {constant.name} = {constant.amax:.3g} becomes 0 in FP16"
            evidence: dict[str, float | str] = {"constant": constant.name, "value": constant.amax}
            return Finding("R05", node.name, text, evidence, certain=False)
    return None


def _cancellation(node: NodeFacts, statistics: Statistics) -> Finding | None:
    if node.op not in ("Add", "Sub", "Sum") or not node.outputs:
        return None
    operands = [figures_of(statistics, tensor).ref_rms for tensor in node.inputs]
    operands += [constant.amax for constant in node.constants]
    largest, result = max(operands, default=0.0), figures_of(statistics, node.outputs[0]).ref_rms
    if not 0 < result < CANCELLATION * largest:
        return None
    text = f"operands of about {largest:.4g} cancel to {result:.4g}: rounding errors grow {largest / result:.0f}-fold"
    return Finding("R09", node.name, text, {"operands": largest, "result": result}, certain=False)


def _underflow(node: NodeFacts, statistics: Statistics) -> Finding | None:
    for tensor in node.outputs:
        share = figures_of(statistics, tensor).below_subnormal_share
        if share > 0.01:
            text = f"{share:.1%} of {tensor} lies below 5.96e-8 and becomes 0"
            return Finding("R06", node.name, text, {"share": share, "tensor": tensor}, certain=False)
    return None


def _flushed_weights(node: NodeFacts, statistics: Statistics) -> Finding | None:
    for constant in node.constants:
        if constant.size > 1 and constant.flushed_share > 0.01:
            text = f"{constant.flushed_share:.1%} of the weights in {constant.name} become 0 in FP16"
            evidence: dict[str, float | str] = {"constant": constant.name, "share": constant.flushed_share}
            return Finding("R07", node.name, text, evidence, certain=False)
    return None


RULES: tuple[Rule, ...] = (
    _unhealthy_reference,
    _unholdable_constant,
    _range_overflow,
    _softmax_overflow,
    _reduction_overflow,
    _flushed_epsilon,
    _cancellation,
    _underflow,
    _flushed_weights,
)
OF_ANY_FORMAT: tuple[Rule, ...] = (_unhealthy_reference, _cancellation)
"""The rules that do not ask for FP16's range."""

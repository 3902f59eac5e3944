"""Quantization in the graph: QuantizeLinear and DequantizeLinear around the nodes that a plan has in INT8 or FP8.

The result is an FP32 model again, with a plan for what is left in floating point. So one emulator, one rewrite
and one set of rules serve all precisions: ONNX Runtime executes Q/DQ exactly, and what is FP16 around them is
rounded like any other node. A quantized node itself computes in floating point there, on numbers of the grid,
which is what an INT8 kernel with 32-bit sums computes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray

from trtflow.cures import Cure, adjustments
from trtflow.cures.base import Adjustment
from trtflow.errors import PlanError
from trtflow.model.analysis import Analysis, analyse
from trtflow.model.constants import values
from trtflow.model.edit import FreshNames, clone, drop_unread, fresh_names
from trtflow.model.opset import raise_opset
from trtflow.model.scopes import opset
from trtflow.model.units import GRAPH_OUTPUT, readers
from trtflow.numerics.quantize import scale_for
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, LOW, QUANTIZED, ROWS, Precision
from trtflow.qdq.insertion import Pairs
from trtflow.qdq.placement import Site, sites

PER_CHANNEL = 13
"""The opset from which on Q/DQ have an axis."""
TYPED_SCALES = 19
"""The opset from which on Q/DQ take FP16."""


@dataclass(frozen=True)
class Quantized:
    """The model with Q/DQ pairs, the plan for its floating-point nodes (new ones named), and what went otherwise.

    ``skipped``: quantized nodes of the plan that stay in floating point, each with the reason.
    """

    model: onnx.ModelProto
    plan: PrecisionPlan
    skipped: Mapping[str, str]


def quantizable(model: onnx.ModelProto, outputs: bool = False) -> tuple[Site, ...]:
    """The nodes of ``model`` that INT8 or FP8 suit, in topological order; output layers only on request."""
    return tuple(site for site in sites(analyse(model)) if outputs or not site.is_output)


def quantize(
    model: onnx.ModelProto,
    plan: PrecisionPlan,
    amax: Mapping[str, float],
    cures: Iterable[Cure] = (),
) -> Quantized:
    """``model`` with what ``plan`` has in INT8 or FP8 between Q/DQ pairs.

    ``amax`` holds the largest magnitude of each activation that a quantized node reads. Of ``cures`` those of nodes
    are carried out; what others change is in the model. Names are kept; a node that is no ``Site``, or reads a tensor
    that is zero throughout, is skipped.

    Raises:
        PlanError: the plan names a node that the model lacks, or an activation has no range.
    """
    wanted = _wanted(model, plan)
    typed = TYPED_SCALES if wanted and plan.default in LOW else PER_CHANNEL
    least = max(PER_CHANNEL, typed, *(ROWS[precision].opset for precision in wanted.values()))
    copy = raise_opset(model, least) if opset(model) < least else clone(model)
    work = _Work(analyse(copy), plan, amax, adjustments(cures), fresh_names(copy))
    return work.run(wanted)


def float_plan(plan: PrecisionPlan) -> PrecisionPlan:
    """``plan`` without its quantized nodes: they fall back to its default, or to FP32 when that is quantized."""
    default = FP32 if plan.default in QUANTIZED else plan.default
    rest = {node: precision for node, precision in plan.nodes.items() if precision not in QUANTIZED}
    return PrecisionPlan(default, rest)


def _wanted(model: onnx.ModelProto, plan: PrecisionPlan) -> dict[str, Precision]:
    names = {node.name for node in model.graph.node}
    named = {node: precision for node, precision in plan.nodes.items() if precision in QUANTIZED}
    unknown = sorted(set(named) - names)
    if unknown:
        raise PlanError(f"the plan quantizes {', '.join(unknown[:3])}, which the model's main graph does not have.")
    if plan.default in QUANTIZED:  # by default: what can be, output layers excepted
        chosen = {site.node: plan.precision(site.node) for site in quantizable(model)}
        named = {**{node: p for node, p in chosen.items() if p in QUANTIZED}, **named}
    return named


@dataclass
class _Work:
    """One model being quantized under the plan ``given``."""

    analysis: Analysis
    given: PrecisionPlan
    amax: Mapping[str, float]
    adjusted: Mapping[str, Adjustment]
    fresh: FreshNames
    floats: dict[str, Precision] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.main, self.base = self.analysis.scopes[0], float_plan(self.given)
        self.pairs = Pairs(self.main, self.fresh, self.floats)
        self._known = {info.name for info in self.analysis.candidates}

    def run(self, wanted: Mapping[str, Precision]) -> Quantized:
        users = readers(self.analysis)
        chosen = {site.node: site for site in sites(self.analysis)}
        skipped = {node: why for node in wanted if (why := self._why_not(chosen.get(node)))}
        done = {node: chosen[node] for node in wanted if node not in skipped}
        self.floats.update(self.base.nodes)
        for node in done:
            self.floats[node] = self._computes_in(node, done, users)
        for node, site in done.items():
            self._quantize(site, wanted[node])
        self.pairs.insert()
        drop_unread(self.analysis.model)
        return Quantized(self.analysis.model, PrecisionPlan(self.base.default, self.floats), skipped)

    def _why_not(self, site: Site | None) -> str:
        if site is None:
            return "it is no place for a Q/DQ pair (see trtflow.qdq.placement)"
        missing = [tensor for tensor in site.tensors if tensor not in self.amax]
        if missing:
            raise PlanError(
                f"{site.node} reads {missing[0]!r}, for which there is no range; calibrate it, or give its amax."
            )
        dead = [tensor for tensor in site.tensors if not self.amax[tensor] > 0]
        return f"{dead[0]} is zero throughout" if dead else ""

    def _computes_in(
        self, node: str, quantized: Collection[str], users: Mapping[tuple[str, str], list[str]]
    ) -> Precision:
        """FP32 if anything that reads the node's output in floating point does so in FP32, else the default."""
        if self.base.precision(node) == FP32:
            return FP32
        names = [self.main.key(output) for output in self.analysis.by_name[node][1].output]
        direct = {reader for name in names for reader in users.get(name, ())} - {GRAPH_OUTPUT, *quantized}
        return FP32 if any(self.base.precision(reader) == FP32 for reader in direct) else self.base.default

    def _quantize(self, site: Site, precision: Precision) -> None:
        computes = self.floats[site.node]
        for activation in site.activations:
            reader = self.analysis.by_name[activation.node][1]
            scale = scale_for(self.amax[activation.tensor], precision)
            stored = self._stored(activation.tensor)
            reader.input[activation.slot] = self.pairs.around(activation.tensor, scale, precision, stored, computes)
        node, adjustment = self.analysis.by_name[site.node][1], self.adjusted.get(site.node, Adjustment())
        for weight in site.weights:
            node.input[weight.slot] = self.pairs.weight(weight, adjustment.shares, precision, computes)
        if adjustment.bias:
            self._correct(node, np.asarray(adjustment.bias, np.float32))

    def _stored(self, tensor: str) -> Precision:
        """The format that the producer of ``tensor`` writes."""
        producer = self.main.producer(tensor)
        if producer is None or producer.name not in self._known:
            return FP32
        return self.floats.get(producer.name, self.base.default)

    def _correct(self, node: onnx.NodeProto, shift: NDArray[np.float32]) -> None:
        name = self.fresh(node.output[0], "bias")
        held = self.main.constant(node.input[2]) if len(node.input) > 2 else None
        bias = shift if held is None else values(held) + shift
        self.main.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(bias, np.float32), name))
        del node.input[2:]
        node.input.append(name)

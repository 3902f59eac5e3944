"""Quantisation in the graph: QuantizeLinear and DequantizeLinear around the nodes that a plan has in INT8 or FP8.

The result is an FP32 model again, with a plan for what is left in floating point. So one emulator, one rewrite
and one set of rules serve all precisions: ONNX Runtime executes Q/DQ exactly, and what is FP16 around them is
rounded like any other node. A quantised node itself computes in floating point there, on numbers of the grid,
which is what an INT8 kernel with 32-bit sums computes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from trtflow.errors import PlanError
from trtflow.graph.constants import values
from trtflow.graph.nodes import Analysis, analyse
from trtflow.graph.opset import raise_opset
from trtflow.graph.placement import Activation, Site, Weight, sites
from trtflow.graph.prune import drop_unread
from trtflow.graph.units import GRAPH_OUTPUT, readers
from trtflow.graph.walk import FreshNames, Scope, clone, opset
from trtflow.numerics.quantise import encode, fits_fp16, scale_for
from trtflow.precision.plan import QUANTISED, Precision, PrecisionPlan

PER_CHANNEL = 13
"""The opset from which on Q/DQ have an axis."""
TYPED_SCALES = 19
"""The opset from which on Q/DQ take FP16 and know FP8."""

CODES: Mapping[str, int] = {"int8": onnx.TensorProto.INT8, "fp8": onnx.TensorProto.FLOAT8E4M3FN}


@dataclass(frozen=True)
class Quantized:
    """The model with Q/DQ pairs, the plan for its floating-point nodes (new ones named), and what went otherwise.

    ``skipped``: quantised nodes of the plan that stay in floating point, each with the reason.
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
    weight_amax: Mapping[str, NDArray[np.float32]] | None = None,
    bias_shift: Mapping[str, NDArray[np.float32]] | None = None,
) -> Quantized:
    """``model`` with what ``plan`` has in INT8 or FP8 between Q/DQ pairs.

    ``amax`` holds the largest magnitude of each activation that a quantised node reads, ``weight_amax`` those of
    weights whose range is not simply their largest magnitude (a number, or one per channel), ``bias_shift`` what
    is added to the biases of Conv and Gemm nodes once they are quantised. Names are kept; a node that is no `Site`,
    or reads a tensor that is zero throughout, is skipped.

    Raises `PlanError` for nodes that the model lacks and for activations without a range.
    """
    wanted = _wanted(model, plan)
    low = plan.default not in {"fp32", *QUANTISED}
    typed = wanted and (low or "fp8" in wanted.values())
    least = TYPED_SCALES if typed else PER_CHANNEL
    copy = raise_opset(model, least) if opset(model) < least else clone(model)
    work = _Work(analyse(copy), plan, amax, weight_amax or {}, bias_shift or {}, FreshNames(copy))
    return work.run(wanted)


def float_plan(plan: PrecisionPlan) -> PrecisionPlan:
    """``plan`` without its quantised nodes: they fall back to its default, or to FP32 when that is quantised."""
    default = "fp32" if plan.default in QUANTISED else plan.default
    rest = {node: precision for node, precision in plan.nodes.items() if precision not in QUANTISED}
    return PrecisionPlan(default, rest)


def _wanted(model: onnx.ModelProto, plan: PrecisionPlan) -> dict[str, Precision]:
    names = {node.name for node in model.graph.node}
    named = {node: precision for node, precision in plan.nodes.items() if precision in QUANTISED}
    unknown = sorted(set(named) - names)
    if unknown:
        raise PlanError(f"the plan quantises {', '.join(unknown[:3])}, which the model's main graph does not have.")
    if plan.default in QUANTISED:  # by default: what can be, output layers excepted
        chosen = {site.node: plan.precision(site.node) for site in quantizable(model)}
        named = {**{node: p for node, p in chosen.items() if p in QUANTISED}, **named}
    return named


@dataclass
class _Work:
    """One model being quantised: the pairs made so far, each shared by all that read it in the same format."""

    analysis: Analysis
    given: PrecisionPlan
    amax: Mapping[str, float]
    weight_amax: Mapping[str, NDArray[np.float32]]
    bias_shift: Mapping[str, NDArray[np.float32]]
    fresh: FreshNames
    floats: dict[str, Precision] = field(default_factory=dict)
    codes: dict[tuple[str, Precision], str] = field(default_factory=dict)
    pairs: dict[tuple[str, Precision, Precision], str] = field(default_factory=dict)
    after: dict[str, list[onnx.NodeProto]] = field(default_factory=dict)

    @property
    def main(self) -> Scope:
        return self.analysis.scopes[0]

    def run(self, wanted: Mapping[str, Precision]) -> Quantized:
        base, users = float_plan(self.given), readers(self.analysis)
        chosen = {site.node: site for site in sites(self.analysis)}
        skipped = {node: why for node in wanted if (why := self._why_not(chosen.get(node)))}
        done = {node: chosen[node] for node in wanted if node not in skipped}
        self.floats = dict(base.nodes)
        for node in done:
            self.floats[node] = self._computes_in(node, base, done, users)
        for node, site in done.items():
            self._quantise(site, wanted[node])
        self._insert()
        return Quantized(self.analysis.model, PrecisionPlan(base.default, self.floats), skipped)

    def _why_not(self, site: Site | None) -> str:
        if site is None:
            return "it is no place for a Q/DQ pair (see trtflow.graph.placement)"
        missing = [tensor for tensor in site.tensors if tensor not in self.amax]
        if missing:
            raise PlanError(
                f"{site.node} reads {missing[0]!r}, for which there is no range; calibrate it, or give its amax."
            )
        dead = [tensor for tensor in site.tensors if not self.amax[tensor] > 0]
        return f"{dead[0]} is zero throughout" if dead else ""

    def _computes_in(
        self, node: str, base: PrecisionPlan, quantised: Collection[str], users: Mapping[tuple[str, str], list[str]]
    ) -> Precision:
        """FP32 if anything that reads the node's output in floating point does so in FP32, else the default."""
        if base.precision(node) == "fp32":
            return "fp32"
        names = [self.main.key(output) for output in self.analysis.by_name[node][1].output]
        direct = {reader for name in names for reader in users.get(name, ())} - {GRAPH_OUTPUT, *quantised}
        return "fp32" if any(base.precision(reader) == "fp32" for reader in direct) else base.default

    def _quantise(self, site: Site, precision: Precision) -> None:
        computes = self.floats[site.node]
        for activation in site.activations:
            reader = self.analysis.by_name[activation.node][1]
            reader.input[activation.slot] = self._pair(activation, precision, computes)
        node = self.analysis.by_name[site.node][1]
        for weight in site.weights:
            node.input[weight.slot] = self._weight(weight, precision, computes)
        if site.node in self.bias_shift:
            self._shift_bias(node, self.bias_shift[site.node])

    def _shift_bias(self, node: onnx.NodeProto, shift: NDArray[np.float32]) -> None:
        name = self.fresh(f"{node.output[0]}__bias")
        bias = shift if len(node.input) < 3 else self._values(node.input[2]) + shift
        self._add(onnx.numpy_helper.from_array(np.asarray(bias, np.float32), name))
        del node.input[2:]
        node.input.append(name)

    def _pair(self, activation: Activation, precision: Precision, computes: Precision) -> str:
        """The tensor behind a pair, dequantised to what its reader computes in."""
        tensor, key = activation.tensor, (activation.tensor, precision, computes)
        if key not in self.pairs:
            scale = scale_for(self.amax[tensor], precision)
            if (tensor, precision) not in self.codes:
                self.codes[tensor, precision] = self._quantizer(tensor, precision, scale)
            self.pairs[key] = self._dequantizer(
                self.codes[tensor, precision], f"{tensor}__{precision}", scale, None, precision, computes, tensor
            )
        return self.pairs[key]

    def _quantizer(self, tensor: str, precision: Precision, scale: NDArray[np.float32]) -> str:
        codes, name = self.fresh(f"{tensor}__{precision}_codes"), self.fresh(f"{tensor}__quantize")
        inputs = [tensor, *self._grid(f"{tensor}__quantize", scale, precision)]
        self._place(tensor, helper.make_node("QuantizeLinear", inputs, [codes], name))
        producer = self.main.producer(tensor)
        stored = "fp32" if producer is None else self._stored(producer.name)
        self.floats[name] = stored if fits_fp16(scale) else "fp32"
        return codes

    def _stored(self, producer: str) -> Precision:
        default = float_plan(self.given).default
        known = {info.name for info in self.analysis.candidates}
        return self.floats.get(producer, default) if producer in known else "fp32"

    def _weight(self, weight: Weight, precision: Precision, computes: Precision) -> str:
        key = (weight.tensor, precision, computes)
        if key not in self.pairs:
            axis = weight.axis if precision == "int8" else None  # FP8's exponent makes up for spread channels
            scale = self._weight_scale(weight.tensor, axis, precision)
            if (weight.tensor, precision) not in self.codes:
                self.codes[weight.tensor, precision] = self._encoded(weight.tensor, scale, axis, precision)
            self.pairs[key] = self._dequantizer(
                self.codes[weight.tensor, precision],
                f"{weight.tensor}__{precision}",
                scale,
                axis,
                precision,
                computes,
                "",
            )
        return self.pairs[key]

    def _weight_scale(self, tensor: str, axis: int | None, precision: Precision) -> NDArray[np.float32]:
        held = self._values(tensor)
        rest = tuple(place for place in range(held.ndim) if place != axis)
        ranges = self.weight_amax.get(tensor)
        if ranges is None:
            ranges = np.abs(held).max(axis=rest if axis is not None else None)
        ranges = np.asarray(ranges, np.float64)
        top = float(ranges.max(initial=0.0)) or 1.0
        return scale_for(np.where(ranges > 0, ranges, top), precision)

    def _encoded(self, tensor: str, scale: NDArray[np.float32], axis: int | None, precision: Precision) -> str:
        held, name = self._values(tensor), self.fresh(f"{tensor}__{precision}_codes")
        shape = [1] * held.ndim
        if axis is not None:
            shape[axis] = -1
        codes = encode(held, scale.reshape(shape) if axis is not None else scale, precision)
        self._add(onnx.numpy_helper.from_array(codes, name))
        return name

    def _values(self, tensor: str) -> NDArray[np.float32]:
        held = self.main.constant(tensor)
        assert held is not None  # noqa: S101 - a Weight is a constant by definition
        return values(held).astype(np.float32)

    def _dequantizer(
        self,
        codes: str,
        target: str,
        scale: NDArray[np.float32],
        axis: int | None,
        precision: Precision,
        computes: Precision,
        after: str,
    ) -> str:
        output = self.fresh(target)
        name = self.fresh(f"{output}__dequantize")
        node = helper.make_node("DequantizeLinear", [codes, *self._grid(name, scale, precision)], [output], name)
        if axis is not None:
            node.attribute.append(helper.make_attribute("axis", axis))
        self._place(after, node)
        self.floats[name] = computes if fits_fp16(scale) else "fp32"
        return output

    def _grid(self, base: str, scale: NDArray[np.float32], precision: Precision) -> list[str]:
        """Initializers for the scale and the zero point, whose type tells the format of the codes."""
        names = [self.fresh(f"{base}__scale"), self.fresh(f"{base}__zero")]
        self._add(onnx.numpy_helper.from_array(scale, names[0]))
        zeros = helper.make_tensor(names[1], CODES[precision], scale.shape, bytes(scale.size), raw=True)
        self._add(zeros)
        return names

    def _add(self, tensor: onnx.TensorProto) -> None:
        self.main.graph.initializer.append(tensor)

    def _place(self, tensor: str, node: onnx.NodeProto) -> None:
        self.after.setdefault(tensor, []).append(node)

    def _insert(self) -> None:
        """Put the new nodes right behind what they read."""
        graph = self.main.graph
        given = [name for name, producer in self.main.producers.items() if producer is None]
        nodes = [node for name in ("", *given) for node in self.after.pop(name, [])]
        for node in graph.node:
            nodes.append(node)
            nodes.extend(new for output in node.output for new in self.after.get(output, ()))
        rebuilt = [onnx.NodeProto() for _ in nodes]
        for copy, node in zip(rebuilt, nodes, strict=True):
            copy.CopyFrom(node)
        del graph.node[:]
        graph.node.extend(rebuilt)
        drop_unread(self.analysis.model)

"""What a weakly typed network becomes: which node computes in what, which tensor and constant is stored in what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trt_double.network import FLOATS
from trtflow.plan import PrecisionPlan
from trtflow.precision import BF16, FP16, FP32, INT8, Precision

NAMES: Mapping[str, Precision] = {"FLOAT": FP32, "HALF": FP16, "BF16": BF16, "INT8": INT8}
"""``DataType`` → precision."""


@dataclass(frozen=True)
class Effective:
    """``stored``: tensors kept lower than their node computes. ``constants``: (node, constant) → precision."""

    plan: PrecisionPlan
    stored: Mapping[str, Precision]
    constants: Mapping[tuple[str, str], Precision]


def effective(network: Any, flags: frozenset[str], ranges: Mapping[str, float]) -> Effective:
    """What TensorRT may make of ``network`` with the builder's ``flags`` and the ``ranges`` of INT8 tensors.

    A node takes the default, FP16 where that is allowed, unless each of its layers is constrained and constraints
    are obeyed. What it makes is stored in the default too, unless its output type says otherwise. A constant that a
    kept node reads is stored in the default, unless its layer and the helper on its way say otherwise.
    """
    default = FP16 if "FP16" in flags else BF16 if "BF16" in flags else FP32
    allowed = {FP32, default} | ({INT8} if "INT8" in flags else set())
    obeyed = bool(flags & {"OBEY_PRECISION_CONSTRAINTS", "PREFER_PRECISION_CONSTRAINTS"})
    reading = _Reading(network, allowed, obeyed)
    nodes = reading.nodes(default)
    if "INT8" in flags:
        nodes |= _quantized(network, {name: p for name, p in reading.asked.items() if p != INT8}, ranges)
    plan = PrecisionPlan(default, nodes)
    return Effective(plan, reading.stored(plan), reading.constants(plan))


class _Reading:
    def __init__(self, network: Any, allowed: set[Precision], obeyed: bool) -> None:
        self._network, self._allowed, self._obeyed = network, allowed, obeyed
        self._ignored = network._builder._behaviour.ignore
        self._layers = [layer for layer in network._layers if any(t._dtype in FLOATS for t in layer._outputs)]
        self.asked = self._asked()

    def _constraint(self, layer: Any, dtype: str | None) -> Precision | None:
        honoured = self._obeyed and layer._name not in self._ignored
        found = NAMES.get(dtype or "") if honoured else None
        return found if found in self._allowed else None

    def _asked(self) -> dict[str, Precision]:
        """Node → the one precision that all of its layers have."""
        told: dict[str, set[Precision | None]] = {}
        for layer in self._layers:
            if layer._node:
                told.setdefault(layer._node, set()).add(self._constraint(layer, layer._precision))
        return {node: one for node, found in told.items() for one in found if one and len(found) == 1}

    def nodes(self, default: Precision) -> dict[str, Precision]:
        """The nodes that differ from ``default``; what shares an engine layer by force is as low as its lowest."""
        nodes = dict(self.asked)
        for group in self._network._builder._behaviour.fuse:
            if any(nodes.get(name, default) == default for name in group):
                nodes |= dict.fromkeys(group, default)
        return nodes

    def stored(self, plan: PrecisionPlan) -> dict[str, Precision]:
        """The tensors of kept nodes that are stored in the default all the same."""
        outer = {id(tensor) for tensor in self._network._outputs}
        found: dict[str, Precision] = {}
        for layer in self._layers:
            if layer._node and plan.precision(layer._node) == FP32 != plan.default:
                for index, tensor in enumerate(layer._outputs):
                    told = self._constraint(layer, layer._types.get(index))
                    if tensor._onnx and told != FP32 and (told or id(tensor) not in outer):
                        found[tensor._onnx] = told or plan.default
        return found

    def constants(self, plan: PrecisionPlan) -> dict[tuple[str, str], Precision]:
        """What kept nodes read from constants that are stored in the default."""
        low = [layer for layer in self._layers if layer._constant and not self._is_kept(layer)]
        found: dict[tuple[str, str], Precision] = {}
        for layer in self._layers:
            if layer._node and plan.precision(layer._node) == FP32 != plan.default:
                found |= {
                    (layer._node, one._constant): plan.default
                    for one in low
                    if one._reader in (None, layer._node) and self._reads(layer._node, one._constant)
                }
        return found

    def _is_kept(self, layer: Any) -> bool:
        told = self._constraint(layer, layer._precision), self._constraint(layer, layer._types.get(0))
        return FP32 in told

    def _reads(self, node: str, constant: str) -> bool:
        return any(one.name == node and constant in one.input for one in self._network._model.graph.node)


def _quantized(network: Any, kept: Mapping[str, Precision], ranges: Mapping[str, float]) -> dict[str, Precision]:
    """The nodes that INT8 suits, all of whose activations have ranges, and that no constraint keeps."""
    from trtflow.qdq.quantize import quantizable

    sites = quantizable(network._model, outputs=True)
    free = [site for site in sites if site.node not in kept and all(ranges.get(name) for name in site.tensors)]
    return {site.node: INT8 for site in free}

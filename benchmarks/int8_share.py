"""The share of a network's multiply-adds that is in INT8, counted alike for all tools, and what its nodes have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import onnx

from trtflow.data import Sample
from trtflow.model.analysis import analyse
from trtflow.model.cost import costs
from trtflow.plan import PrecisionPlan
from trtflow.qdq.placement import BARRIERS, LINEAR
from trtflow.qdq.quantize import quantizable


class Shares:
    """The share of the multiply-adds that each node of ``model`` does on samples like ``sample``."""

    def __init__(self, model: onnx.ModelProto, sample: Sample) -> None:
        self._ops = {node.name: node.op_type for node in model.graph.node}
        self._sites = [site.node for site in quantizable(model)]
        self._candidates = [node.name for node in analyse(model).candidates]
        self._shares = self._of_nodes({name: cost.macs for name, cost in costs(model, sample.shapes).items()})

    def _of_nodes(self, macs: Mapping[str, float]) -> dict[str, float]:
        total = sum(count for name, count in macs.items() if self._ops.get(name) in BARRIERS)
        return {name: count / total for name, count in macs.items() if self._ops.get(name) in LINEAR}

    def of_plan(self, plan: PrecisionPlan) -> float:
        """INT8's share under ``plan``."""
        return self._sum([node for node in self._sites if plan.precision(node) == "int8"])

    def of_model(self, quantized: onnx.ModelProto) -> float:
        """INT8's share of a Q/DQ model with the same node names: products whose two factors are dequantized."""
        nodes = quantized.graph.node
        integer = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
        return self._sum([node.name for node in nodes if integer.issuperset(node.input[:2])])

    def _sum(self, nodes: Sequence[str]) -> float:
        return sum(self._shares.get(node, 0.0) for node in nodes)

    def counts(self, plan: PrecisionPlan) -> str:
        """How many nodes have which precision."""
        found = Counter(plan.precision(node) for node in self._candidates)
        return ", ".join(f"{count} {precision}" for precision, count in sorted(found.items()))

"""Eight bits on top of a floating-point plan: which units can go lower still.

The floating-point plan comes first, since a range that FP16 cannot hold would hide behind INT8: a quantized layer
saturates where its neighbours overflow. Then the same search decides which units are quantized, everything else
staying as the plan has it. So nothing that the first search kept high is lowered to FP16 by the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, INT8, Precision
from trtflow.search.oracle import Oracle, Outcome
from trtflow.search.problem import Problem, Unit


@dataclass(frozen=True)
class Joint:
    """``problem`` decides between ``low`` and "as ``base`` has it" for the nodes of its units."""

    problem: Problem
    base: PrecisionPlan

    def plan(self, decision: PrecisionPlan) -> PrecisionPlan:
        """The plan over three precisions that ``decision``, a plan of ``problem``, stands for."""
        low = self.problem.low
        nodes = [node for node in sorted(self.problem.nodes) if decision.precision(node) == low]
        return self.base.assign(nodes, low)

    def oracle(self, oracle: Oracle) -> JointOracle:
        """``oracle`` asked about the plans that the decisions of ``problem`` stand for."""
        return JointOracle(self, oracle)


@dataclass(frozen=True)
class JointOracle:
    """An oracle over decisions, given one over plans."""

    joint: Joint
    inner: Oracle

    def evaluate(self, plan: PrecisionPlan) -> Outcome:
        """Measure what ``plan`` stands for on all samples of the search."""
        return self.inner.evaluate(self.joint.plan(plan))

    def probe(self, plan: PrecisionPlan) -> Outcome:
        """Measure what ``plan`` stands for on the hardest samples."""
        return self.inner.probe(self.joint.plan(plan))


def joint(
    base: PrecisionPlan,
    units: Iterable[tuple[str, ...]],
    shares: Mapping[str, float],
    low: Precision = INT8,
    priors: Mapping[str, float] | None = None,
) -> Joint:
    """The problem of quantizing ``units`` (nodes in topological order) on top of ``base``.

    ``shares``: what leaving a node in floating point costs, its share of the multiply-adds, say; 0 if absent.
    """
    priced = [{node: shares.get(node, 0.0) for node in nodes} for nodes in units]
    numbered = tuple(Unit(index, tuple(prices), sum(prices.values())) for index, prices in enumerate(priced))
    costs = {node: price for prices in priced for node, price in prices.items()}
    return Joint(Problem(numbered, low, FP32, node_costs=costs, priors=priors or {}), base)

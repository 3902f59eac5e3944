"""From a plan to formats: what each input and output of each node is stored in.

The emulator and the rewrite read the same ``Edges``, so that they differ only in how they express a format: by a
pair of Casts in an FP32 graph, or by the tensor's type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trtflow.errors import PlanError
from trtflow.model.analysis import Analysis
from trtflow.model.carried import carry
from trtflow.model.dequantized import tied, tied_groups
from trtflow.model.scopes import Key
from trtflow.model.units import readers
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, LOW, Precision
from trtflow.text import did_you_mean


@dataclass(frozen=True)
class Edges:
    """Low formats only: a slot or tensor that is missing here keeps the type it has.

    inputs:   node name → input index → the format that the node reads that input in
    outputs:  node name → output index → the format that the node writes
    produced: tensor → the format that its producer writes
    ends:     inputs and outputs of bodies that are low themselves (see ``carry``)
    """

    inputs: Mapping[str, Mapping[int, Precision]]
    outputs: Mapping[str, Mapping[int, Precision]]
    produced: Mapping[Key, Precision]
    ends: frozenset[Key] = frozenset()

    def format(self, key: Key) -> Precision:
        """What the tensor is stored in by whoever produces it."""
        return self.produced.get(key, FP32)


def edges(analysis: Analysis, plan: PrecisionPlan) -> Edges:
    """The low formats of all slots under ``plan``, each DequantizeLinear in its reader's (see ``tied``).

    Raises:
        PlanError: the plan names a node that the model does not have, or asks for a format that is not a
            floating-point type of tensors (INT8 and FP8 live in Q/DQ nodes).
    """
    _check_plan(analysis, plan)
    plan = tied(plan, tied_groups(analysis, readers(analysis)))
    inputs: dict[str, dict[int, Precision]] = {}
    outputs: dict[str, dict[int, Precision]] = {}
    produced: dict[Key, Precision] = {}
    for node in analysis.candidates:
        precision = plan.precision(node.name)
        if precision == FP32:
            continue
        low = analysis.low_slots(node.name, precision)
        inputs[node.name] = {index: precision for index, able in enumerate(low.inputs) if able}
        outputs[node.name] = {index: precision for index, able in enumerate(low.outputs) if able}
        produced.update(((node.scope, node.outputs[index]), precision) for index in outputs[node.name])
    ends = carry(analysis, inputs, outputs, produced)
    return Edges(inputs, outputs, produced, ends)


def _check_plan(analysis: Analysis, plan: PrecisionPlan) -> None:
    for name in plan.nodes:
        if name not in analysis.by_name:
            hint = did_you_mean(name, analysis.by_name, "; ")
            raise PlanError(f"the plan names the node {name!r}, which the model does not have{hint}")
    for precision in {plan.default, *plan.nodes.values()} - {FP32, *LOW}:
        raise PlanError(
            f"a plan for Casts takes fp32, fp16 and bf16, not {precision}: quantized nodes need Q/DQ, "
            "which trtflow inserts before it assigns floating-point formats"
        )

"""Plans that a model can bear: nodes holding a constant that a format cannot represent become FP32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx

from trtflow.model.analysis import Analysis, NodeInfo, analyse
from trtflow.model.assignment import edges
from trtflow.model.constants import loss
from trtflow.model.dequantized import tied, tied_groups
from trtflow.model.nested import WHY, held
from trtflow.model.operators import refusal
from trtflow.model.scopes import Key
from trtflow.model.units import readers
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Precision

TOGETHER = "a DequantizeLinear and its reader have one precision: a Cast between them loses the INT8 kernel"
SLICED = "what moves a slice of a Scan has its reader's precision: TensorRT fails on a Cast between them"


@dataclass(frozen=True)
class Legal:
    """A plan that no constant overflows under, and the nodes that had to become FP32 for it, each with the reason.

    ``by_constant`` are those of them that hold such a constant.
    """

    plan: PrecisionPlan
    promoted: Mapping[str, str]
    by_constant: frozenset[str] = frozenset()


def legalize(model: onnx.ModelProto, plan: PrecisionPlan) -> Legal:
    """``plan`` with every node made FP32 that its format does not suit.

    That is: a node that reads a finite constant which the format turns into infinity (nothing is clamped), a node
    whose operator has no form in that format, one that ``held`` names, and a node that is tied to one in FP32 (see
    ``tied``). Nodes that are no candidates are not mentioned.

    Raises:
        PlanError: the plan names a node that the model does not have.
    """
    return legalized(analyse(model), plan)


def legalized(analysis: Analysis, plan: PrecisionPlan) -> Legal:
    """``legalize`` for a model that is analysed already."""
    groups = tied_groups(analysis, readers(analysis))
    promoted, by_constant = _promoted(analysis, tied(plan, groups))
    legal = tied(plan.assign(promoted, FP32), groups)
    for node in analysis.candidates:
        if legal.precision(node.name) == FP32 != plan.precision(node.name) and node.name not in promoted:
            group = next(names for names in groups if node.name in names)
            ops = {analysis.by_name[name][1].op_type for name in group}
            promoted[node.name] = TOGETHER if "DequantizeLinear" in ops else SLICED
    return Legal(legal, promoted, by_constant)


def _promoted(analysis: Analysis, plan: PrecisionPlan) -> tuple[dict[str, str], frozenset[str]]:
    """The nodes that cannot have their precision, each with the reason, and which of them a constant forces."""
    assigned = edges(analysis, plan)
    losses: dict[tuple[Key, Precision], str] = {}
    promoted: dict[str, str] = {}
    by_constant: set[str] = set()
    nested = held(analysis.scopes)
    for node in analysis.candidates:
        precision = plan.precision(node.name)
        if precision == FP32:
            continue
        if not assigned.inputs[node.name] and not assigned.outputs[node.name]:
            promoted[node.name] = refusal(analysis.by_name[node.name][1], precision)
            continue
        if node.name in nested:
            promoted[node.name] = WHY
            continue
        for key, tensor in _constants_of(analysis, node, tuple(assigned.inputs[node.name])):
            if (key, precision) not in losses:
                losses[key, precision] = _overflow(key[1], tensor, precision)
            if losses[key, precision]:
                promoted[node.name] = losses[key, precision]
                by_constant.add(node.name)
                break
    return promoted, frozenset(by_constant)


def _constants_of(
    analysis: Analysis, node: NodeInfo, indices: tuple[int, ...]
) -> Iterator[tuple[Key, onnx.TensorProto]]:
    scope, proto = analysis.by_name[node.name]
    for index in indices:
        tensor = scope.constant(proto.input[index])
        if tensor is not None:
            yield scope.key(proto.input[index]), tensor
    for attribute in proto.attribute:
        if attribute.name == "value" and attribute.t.data_type == onnx.TensorProto.FLOAT:
            yield (scope.path, f"value of {node.name}"), attribute.t


def _overflow(name: str, tensor: onnx.TensorProto, precision: Precision) -> str:
    lost = loss(tensor, precision)
    if not lost.overflowed:
        return ""
    return f"constant {name} reaches {lost.worst:.6g}, which {precision} turns into inf"

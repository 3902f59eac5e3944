"""Does a plan rest on infinities inside? Looked at only where what is known of the model does not rule it out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.diagnosis.saturation import Inside, Reading, culprits
from trtflow.emulation.emulate import Rounding
from trtflow.files.search import Saturation
from trtflow.files.statistics import Statistics
from trtflow.model.analysis import NodeInfo, candidates
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, ROWS
from trtflow.qdq.quantize import float_plan
from trtflow.runners import inside as runner
from trtflow.runners.quantized import Ranges
from trtflow.tasks.compare import MEMORY
from trtflow.tasks.documents import Documents
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.text import listed

MAKERS = frozenset(
    {"Acos", "Acosh", "Asin", "Atanh", "Div", "Log", "LpNormalization", "Mod", "Pow", "Reciprocal", "Sqrt", "Tan"}
)
"""Operators that make infinities or NaN of ordinary values, where a small one became zero or changed its sign."""

Wanted = Literal["shown", "any"]


def look_inside(
    model: ModelProto,
    plan: PrecisionPlan,
    samples: Sequence[Sample],
    *,
    ranges: Ranges | None = None,
    rounding: Rounding = "tensor",
    statistics: Statistics | None = None,
    hooks: Hooks = SILENT,
) -> Inside:
    """Where ``plan``, an accurate one, is not finite on ``samples`` and FP32 is, and what becomes of it.

    ``statistics`` of everything in low precision spare the pass where they cover the samples and rule infinities out.
    """
    told = statistics if statistics is not None and statistics.samples >= len(samples) else None
    if rules_out(model, plan, told):
        return Inside(runner.observed(model))
    found = runner.look_inside(
        model, plan, samples, MEMORY, ranges=ranges, rounding=rounding, progress=hooks.progress
    )
    if found.nodes:
        count = f"{len(found.nodes)} of {len(found.order)} layers"
        hooks.log(f"looked inside: {count} hold infinities or NaN where FP32 has none")
    return found


def rules_out(model: ModelProto, plan: PrecisionPlan, statistics: Statistics | None) -> bool:
    """Whether no low node of ``plan`` can make or read an infinity, or a NaN, that FP32 does not have.

    Values stay within a factor of two of FP32's, or the plan would not be accurate.
    """
    floats = float_plan(plan)
    low = [info for info in candidates(model) if floats.precision(info.name) != FP32]
    return not low or (
        statistics is not None
        and not any(_is_suspect(info, ROWS[floats.precision(info.name)].largest, statistics) for info in low)
    )


def _is_suspect(info: NodeInfo, largest: float, statistics: Statistics) -> bool:
    known = statistics.first
    touched = [known[name] for name in (*info.inputs, *info.outputs) if name in known]
    if info.scope or any(figures.ref_amax >= largest / 2 for figures in touched):
        return True
    return info.op in MAKERS and any(known[name].overflowed for name in info.outputs if name in known)


def harmful(model: ModelProto, inside: Inside) -> frozenset[str]:
    """The nodes to put into high precision so that nothing ``unshown`` is left, all of a body in which it begins."""
    found = culprits(inside)
    bodies = tuple(f"/{node}." for node in found)
    return frozenset(info.name for info in candidates(model) if info.name in found or info.scope.startswith(bodies))


def held_to(wanted: Wanted, found: Saturation | None, accepted: bool, reason: str) -> tuple[bool, str]:
    """Whether a plan is accepted although it has ``found`` inside, and the ``reason`` with what that adds."""
    if found is None or not accepted:
        return accepted, reason
    if found.kept:
        reason += f"; {listed(found.kept)} for infinities that are not shown to be harmless in low precision"
    if not found.unshown or wanted == "any":
        return True, reason
    where = listed(_named(found.unshown))
    return False, (
        f"{reason}; but infinities or NaN that FP32 does not have are lost in {where}, which is not shown to be "
        "harmless: look at these nodes, or accept it by `saturation: any`"
    )


def saturation(inside: Inside, kept: Collection[str] = ()) -> Saturation:
    """What a search's document holds of ``inside``; ``kept`` nodes are high because of an earlier look."""
    return Saturation(
        layers=len(inside.order),
        nodes=inside.nodes,
        mended=_by_node(inside.mended),
        unshown=_by_node(inside.unshown),
        kept=tuple(sorted(kept)),
    )


def rests_on_saturation(documents: Documents) -> Iterator[str]:
    """The mark of a plan that has infinities or NaN inside where FP32 has none."""
    found = documents.search.saturation if documents.search else None
    if found is None or not found.nodes:
        return
    hold = "holds" if len(found.nodes) == 1 else "hold"
    turn = "turns" if len(found.mended) == 1 else "turn"
    mended = f"; {listed(_named(found.mended))} {turn} them into what FP32 gives" if found.mended else ""
    yield (
        f"rests on saturation: {len(found.nodes)} of {found.layers} layers ({listed(found.nodes)}) {hold} infinities "
        f"or NaN where FP32 has none{mended}"
    )
    if found.unshown:
        yield f"not shown to be harmless: what becomes of infinities or NaN in {listed(_named(found.unshown))}"


def _named(nodes: Mapping[str, str]) -> list[str]:
    return [f"{op} ({node})" for node, op in nodes.items()]


def _by_node(readings: Sequence[Reading]) -> dict[str, str]:
    return {reading.node or reading.source: reading.op for reading in readings}

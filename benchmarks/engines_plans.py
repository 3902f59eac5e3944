"""Plans that networks are built from: searched on the data, or all that suits eight bits, by calibrated ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import onnx
from int8_task import Task, dataset

import trtflow
from trtflow.calibration.calibrate import Choice
from trtflow.precision import BF16, FP8, FP16, FP32, INT8, QUANTIZED, Precision
from trtflow.qdq.quantize import quantizable

EVALUATIONS, SAMPLES = 64, 8
SEARCHED: tuple[Precision, ...] = (FP16, BF16)
CALIBRATED: tuple[Precision, ...] = (INT8, FP8)


@dataclass(frozen=True)
class Mixed:
    """A decision on ``low``: ``scales`` where there are eight bits. ``origin`` says what it rests on."""

    low: Precision
    plan: trtflow.PrecisionPlan
    scales: Any
    origin: str


def plans(model: onnx.ModelProto, task: Task) -> Iterator[Mixed]:
    """FP16 and BF16 as the search accepts them on the task's data; INT8 and FP8 on top of that FP16 plan.

    Eight bits are judged by no metric: ranges are the data's, and all that suits is quantized but output layers.
    """
    floats = {low: _searched(model, task, low) for low in SEARCHED}
    yield from floats.values()
    data = dataset(islice(task.calibration, SAMPLES))
    scales = trtflow.calibrate(model, data, Choice(method="percentile")).scales
    live = {name for name, amax in scales.amax.items() if amax > 0}
    chosen = [site.node for site in quantizable(model) if live.issuperset(site.tensors)]
    base, origin = floats[FP16].plan, f"all that suits, percentiles of {len(list(data))} samples"
    for low in CALIBRATED:
        plan = trtflow.PrecisionPlan(base.default, {**dict.fromkeys(chosen, low), **base.nodes})
        yield Mixed(low, plan, scales, origin)


def carried_out(mixed: Mixed, promoted: Mapping[str, str], skipped: Mapping[str, str]) -> trtflow.PrecisionPlan:
    """The plan of ``mixed`` but for nodes that the rewrite, which says why, leaves in FP32 or in floats.

    Of a quantized node that is ``promoted`` only the floats around its Q/DQ pairs are FP32.
    """
    plan = trtflow.PrecisionPlan(
        mixed.plan.default, {**mixed.plan.nodes, **dict.fromkeys(skipped, mixed.plan.default)}
    )
    high: dict[str, Precision] = {node: FP32 for node in promoted if plan.precision(node) not in QUANTIZED}
    return trtflow.PrecisionPlan(plan.default, {**plan.nodes, **high})


def _searched(model: onnx.ModelProto, task: Task, low: Precision) -> Mixed:
    budget = trtflow.Budget(evaluations=EVALUATIONS)
    settings = trtflow.BisectSettings(budget=budget, held_out=0.0, baselines=())
    judged: Any = {"accept": task.accept, "metric": task.metric}
    found = trtflow.bisect(model, task.evaluation, low=low, settings=settings, **judged)
    kept = len(found.plan.nodes)
    verdict = "accepted" if found.search.accepted else "not accepted"
    return Mixed(low, found.plan, None, f"searched on the data: {kept} kept, {verdict}")

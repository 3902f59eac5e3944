"""Compare layers where a side is an engine: all sides are read in batches of marked tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.emulation.emulate import Rounding
from trtflow.errors import DataError
from trtflow.files.statistics import Statistics
from trtflow.model.bodies import unseen
from trtflow.model.layers import layers
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Accumulation
from trtflow.qdq.quantize import float_plan
from trtflow.runners.known import Known
from trtflow.runners.marked import MarkedCandidate, compare_marked
from trtflow.runners.quantized import Ranges
from trtflow.runners.registry import EMULATED
from trtflow.runners.sides import REFERENCE, side_maker
from trtflow.tasks.candidate import Candidate
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.measured_on import execute_on


def compare_sides(
    model: ModelProto,
    samples: Sequence[Sample],
    candidates: Mapping[str, Candidate],
    allow_nonfinite: bool,
    rounding: Rounding,
    memory: int,
    reference: str,
    hooks: Hooks,
    accumulation: Accumulation = FP32,
) -> Statistics:
    """The figures of every layer that all sides show, and what marking does to those that are engines.

    Raises:
        DataError: there are no samples, or FP32's own outputs are not finite, or zero on every one.
        BackendError: a runner is not to be had here, stops, or would hide what a plan does.
    """
    if not samples:
        raise DataError("there are no samples to compare on; expected one at least.")
    everything = layers(model)
    runners = [reference, *(candidate.runner for candidate in candidates.values())]
    tensors = [layer.tensor for layer in everything]
    execute = partial(execute_on, samples=samples)
    make = side_maker(model, runners, samples, tensors, memory, execute, hooks.log, accumulation)
    sides = {
        name: MarkedCandidate(make(entry.runner, entry.plan, entry.ranges, rounding), float_plan(entry.plan).default)
        for name, entry in candidates.items()
    }
    compared = compare_marked(
        make(reference, PrecisionPlan(FP32), Ranges({}), rounding),
        sides,
        tensors,
        [value.name for value in model.graph.output],
        samples,
        hooks.progress,
        Known(allow_nonfinite),
    )
    shown = {*compared.tensors}
    hidden = dict.fromkeys(layer.node for layer in everything if layer.tensor not in shown)
    for name, effect in compared.observer.items():
        hooks.log(f"{name}: reading its layers changes its own outputs by {effect:.3g} of their root mean square")
    return Statistics(
        samples=len(samples),
        rounding=rounding,
        layers=tuple(layer for layer in everything if layer.tensor in shown),
        candidates={
            name: {tensor: entry.figures() for tensor, entry in tensors.items()}
            for name, tensors in compared.statistics.items()
        },
        unseen=(*hidden, *unseen(model, ())),
        runners=_not_emulated(reference, candidates),
        observer=compared.observer,
    )


def _not_emulated(reference: str, candidates: Mapping[str, Candidate]) -> dict[str, str]:
    told = {name: entry.runner for name, entry in candidates.items() if entry.runner != EMULATED}
    return {**({} if reference == REFERENCE else {"reference": reference}), **told}

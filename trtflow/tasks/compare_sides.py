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
from trtflow.model.layers import Layer, layers
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Accumulation
from trtflow.qdq.quantize import float_plan
from trtflow.runners.batches import batch_tensors, sizes_of
from trtflow.runners.known import Known
from trtflow.runners.marked import Compared, MarkedCandidate, compare_marked
from trtflow.runners.quantized import Ranges
from trtflow.runners.registry import BACKENDS, EMULATED
from trtflow.runners.sides import REFERENCE, side_maker
from trtflow.tasks.candidate import Candidate
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.measured_on import DEFAULTS, execute_on
from trtflow.tasks.observer import observed
from trtflow.trt.request import EngineSettings


def compare_sides(
    model: ModelProto,
    samples: Sequence[Sample],
    candidates: Mapping[str, Candidate],
    allow_nonfinite: bool,
    rounding: Rounding,
    accumulation: Accumulation,
    memory: int,
    reference: str,
    hooks: Hooks,
    trt: EngineSettings = DEFAULTS,
    script: str | None = None,
) -> Statistics:
    """The figures of every layer that a side and the reference show, and what marking does to those that are engines.

    ``layers`` are all of the main graph, also those of which a candidate has no figures.

    Raises:
        DataError: there are no samples, or FP32's own outputs are not finite, or zero on every one.
        BackendError: a runner is not to be had here, stops, or would hide what a plan does.
        BuildError: an engine cannot be built.
    """
    if not samples:
        raise DataError("there are no samples to compare on; expected one at least.")
    everything = layers(model)
    writers = {layer.tensor: layer.node for layer in everything}
    runners = [reference, *(entry.runner for entry in candidates.values())]
    execute = partial(execute_on, samples=samples, trt=trt, script=script, progress=hooks.progress)
    make = side_maker(model, runners, writers, execute, hooks.log, accumulation)
    sides = {
        name: MarkedCandidate(make(entry.runner, entry.plan, entry.ranges, rounding), float_plan(entry.plan).default)
        for name, entry in candidates.items()
    }
    room = memory // len(runners)
    if any(BACKENDS[name].builds for name in runners):
        room = min(room, trt.memory)
    compared = compare_marked(
        make(reference, PrecisionPlan(FP32), Ranges({}), rounding),
        sides,
        batch_tensors(sizes_of(model, [*writers], samples[0].feed), room) or [[]],
        [value.name for value in model.graph.output],
        samples,
        hooks.progress,
        Known(allow_nonfinite),
    )
    for name, effect in compared.observer.items():
        hooks.log(observed(name, effect))
    return _document(compared, everything).model_copy(
        update={
            "samples": len(samples),
            "rounding": rounding,
            "unseen": tuple(unseen(model, ())),
            "runners": _not_emulated(reference, candidates),
        }
    )


def _document(compared: Compared, everything: tuple[Layer, ...]) -> Statistics:
    nodes = {layer.tensor: layer.node for layer in everything}
    readings = {name: compared.readings.get(name, {}) for name in compared.statistics}
    return Statistics(
        samples=0,
        rounding="",
        layers=everything,
        candidates={
            name: {tensor: entry.figures() for tensor, entry in tensors.items()}
            for name, tensors in compared.statistics.items()
        },
        observer=compared.observer,
        mechanisms={n: {tensor: one.mechanism for tensor, one in found.items()} for n, found in readings.items()},
        built={n: {nodes[tensor]: one.built for tensor, one in f.items() if one.built} for n, f in readings.items()},
    )


def _not_emulated(reference: str, candidates: Mapping[str, Candidate]) -> dict[str, str]:
    told = {name: entry.runner for name, entry in candidates.items() if entry.runner != EMULATED}
    return {**({} if reference == REFERENCE else {"reference": reference}), **told}

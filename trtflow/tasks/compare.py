"""Compare every layer of candidates with the FP32 reference, in lockstep, keeping statistics, not tensors."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from functools import partial
from operator import attrgetter
from types import MappingProxyType

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.emulation.emulate import Rounding
from trtflow.files.statistics import Statistics, side_by_side
from trtflow.model.bodies import body_tensors, hand_out, unseen
from trtflow.model.layers import layers
from trtflow.model.mapped import MappedWeights
from trtflow.precision import FP16, FP32, Accumulation
from trtflow.qdq.quantize import float_plan
from trtflow.runners import lockstep
from trtflow.runners.known import Known
from trtflow.runners.quantized import emulate
from trtflow.runners.registry import EMULATED
from trtflow.runners.resident import overrun, resident
from trtflow.runners.sides import REFERENCE
from trtflow.tasks.candidate import Candidate
from trtflow.tasks.compare_sides import compare_sides
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.tasks.measured_on import DEFAULTS
from trtflow.trt.request import EngineSettings

__all__ = ["ALL_FP16", "MEMORY", "Candidate", "compare"]

MEMORY = 512_000_000


ALL_FP16 = MappingProxyType({FP16: Candidate()})


def compare(
    model: ModelProto,
    data: Iterable[Sample],
    candidates: Mapping[str, Candidate] = ALL_FP16,
    *,
    samples: int | None = None,
    allow_nonfinite: bool = False,
    rounding: Rounding = "tensor",
    accumulation: Accumulation = FP32,
    memory: int = MEMORY,
    reference: str = REFERENCE,
    trt: EngineSettings = DEFAULTS,
    script: str | None = None,
    hooks: Hooks = SILENT,
) -> Statistics:
    """The figures of every layer under each of ``candidates``, over all of ``data`` or the first ``samples``.

    The samples stream by. ``allow_nonfinite``: FP32's own outputs may hold NaN and infinity, masked scores, say.
    ``memory``: bytes to use, the sessions' weights included, beside ``model`` itself. The log says
    where more than that, and a tenth, were used. ``reference``: the runner of what they are held against, in FP32.
    On an engine, layers are read in batches, each in an engine of its own, and samples are read at once; those that
    the first candidate shows are told. ``trt``: how engines are built, and their tensors read. ``script``: the user's
    own for ``polygraphy-script``, file.py:function. ``accumulation``: what emulated products in FP16 are added up in.

    Raises:
        DataError: FP32's own outputs are not finite, or zero on every sample.
        BackendError: a runner is not to be had here, stops, or would hide what a plan does.
        BuildError: an engine cannot be built.

    Example:
        >>> statistics = trtflow.compare(model, data)
        >>> [layer.node for layer in statistics.wrong("fp16")][:1]
        ['/down0/bn0/BatchNormalization']
    """
    emulated = {
        name: entry for name, entry in candidates.items() if reference == REFERENCE and entry.runner == EMULATED
    }
    others = {name: entry for name, entry in candidates.items() if name not in emulated}
    found = []
    if others:
        data = list(itertools.islice(data, samples))
    if emulated:
        found.append(
            _emulated(model, data, emulated, samples, allow_nonfinite, rounding, accumulation, memory, hooks)
        )
    if others:
        found.append(
            compare_sides(
                model, [*data], others, allow_nonfinite, rounding, accumulation, memory, reference, hooks, trt, script
            )
        )
    return side_by_side(found, [*candidates])


def _emulated(
    model: ModelProto,
    data: Iterable[Sample],
    candidates: Mapping[str, Candidate],
    samples: int | None,
    allow_nonfinite: bool,
    rounding: Rounding,
    accumulation: Accumulation,
    memory: int,
    hooks: Hooks,
) -> Statistics:
    """In lockstep with ONNX Runtime; what bodies of control flow compute is seen, too."""
    before = resident()
    with MappedWeights() as mapped:
        light = mapped.light(model)
        inner, known = body_tensors(light), Known(allow_nonfinite)
        called = {tensor.outer: tensor.layer.tensor for tensor in inner}
        found = sorted((*(tensor.layer for tensor in inner), *layers(light)), key=attrgetter("depth"))

        def make(entry: Candidate) -> ModelProto:
            return hand_out(emulate(light, entry.plan, entry.ranges, rounding, accumulation), inner)

        made = {
            name: lockstep.Candidate(partial(make, entry), float_plan(entry.plan).default)
            for name, entry in candidates.items()
        }
        tensors = [*(layer.tensor for layer in layers(light)), *called]
        statistics, count = lockstep.compare_tensors(
            hand_out(light, inner),
            made,
            tensors,
            itertools.islice(data, samples),
            memory,
            hooks.progress,
            known,
            hooks.log,
            ragged=called.keys(),
        )
        left = unseen(light, inner)
    if exceeded := overrun(before, resident(), memory):
        hooks.log(exceeded)
    figures = {
        name: {called.get(tensor, tensor): entry.figures() for tensor, entry in tensors.items()}
        for name, tensors in statistics.items()
    }
    return Statistics(samples=count, rounding=rounding, layers=tuple(found), candidates=figures, unseen=left)

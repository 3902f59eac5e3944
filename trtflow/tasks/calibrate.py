"""Find the range of every activation that INT8 or FP8 may quantize."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from onnx import ModelProto

from trtflow.calibration import calibrate as streaming
from trtflow.calibration.calibrate import Choice
from trtflow.data import Dataset
from trtflow.errors import PlanError
from trtflow.files.ranges import RangesFile, match_names
from trtflow.files.scales import Origin, Scales, TensorScale
from trtflow.model.analysis import analyse
from trtflow.qdq.held import held_layers
from trtflow.qdq.quantize import quantizable
from trtflow.qdq.unsuited import why_unsuited
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.tasks.quantized_already import check_quantizable, described
from trtflow.text import did_you_mean

MEMORY = 256_000_000


@dataclass(frozen=True)
class Given:
    """Ranges that are not to be calibrated: a file's, single tensors' (tensor → amax), and groups that share one."""

    file: RangesFile | None = None
    amax: Mapping[str, float] | None = None
    shared: Sequence[Sequence[str]] = ()


AUTO = Choice()
NOTHING_GIVEN = Given()


@dataclass(frozen=True)
class Calibrated:
    """The scales, and per tensor what each method would have given."""

    scales: Scales
    thresholds: Mapping[str, Mapping[str, float]]


def calibrate(
    model: ModelProto,
    data: Dataset,
    choice: Choice = AUTO,
    *,
    given: Given = NOTHING_GIVEN,
    origins: Mapping[str, Origin] | None = None,
    memory: int = MEMORY,
    hooks: Hooks = SILENT,
) -> Calibrated:
    """Pass over ``data`` once for ranges and once for histograms, and choose by the method of ``choice``.

    ``origins`` (model, data, preprocessing) are recorded in the scales. ``memory``: bytes of activations
    held at once. A model with Q/DQ pairs of its own is analysed as it is: there is nothing to calibrate.

    Raises:
        ModelError: the model is quantized already, and not as TensorRT takes it.
        PlanError: nothing suits eight bits, or ``given`` does not fit the model.

    Example:
        >>> scales = trtflow.calibrate(model, data).scales
        >>> scales.tensors["image"].method
        'percentile'
    """
    held = check_quantizable(model)
    if held:
        hooks.log(f"{described(held)}: the file's own pairs are analysed as they are, and none is added")
        return Calibrated(_of_held(model, choice, origins or {}), {})
    sites = quantizable(model, outputs=True)
    if not sites:
        raise PlanError(f"no node of the model suits INT8 or FP8: {why_unsuited(analyse(model))}.")
    names = dict.fromkeys(name for site in sites for name in site.tensors)
    known = {} if given.file is None else _of_file(given.file, names, hooks)
    known |= _named(given.amax or {}, names)
    found = streaming.calibrate(model, sites, data, choice, known, memory, hooks.progress)
    scales = Scales(
        precision=choice.precision,
        method=choice.method,
        percentile=choice.percentile if choice.method in ("auto", "percentile") else None,
        samples=found.samples,
        tensors=_shared(given.shared, found.tensors),
        **(origins or {}),
    )
    return Calibrated(scales, found.thresholds)


def _of_held(model: ModelProto, choice: Choice, origins: Mapping[str, Origin]) -> Scales:
    """No scales, in the precision that most of the model's own pairs have."""
    kinds = Counter(layer.precision for layer in held_layers(analyse(model)) if layer.precision)
    precision = kinds.most_common(1)[0][0] if kinds else choice.precision
    return Scales(precision=precision, method=choice.method, samples=0, tensors={}, **origins)


def _of_file(file: RangesFile, names: Mapping[str, object], hooks: Hooks) -> dict[str, float]:
    """The ranges of the user's file, by the tensors that the model has."""
    given = match_names(file, names)
    if not given:
        raise PlanError(
            f"{file.name} ({file.kind}, {len(file.amax)} tensors) names no tensor that INT8 would quantize here, "
            f"such as {next(iter(names))}; it belongs to another model or export."
        )
    hooks.log(f"{len(given)} ranges are given by {file.name}, {len(names) - len(given)} are calibrated")
    return given


def _named(amax: Mapping[str, float], names: Collection[str]) -> Mapping[str, float]:
    """The ranges that the config gives itself, checked."""
    for name, value in amax.items():
        if name not in names:
            raise PlanError(
                f"amax names {name!r}, which INT8 would not quantize here{did_you_mean(name, names, '; ')}"
            )
        if not (isfinite(value) and value > 0):
            raise PlanError(f"amax of {name!r} is {value}; expected a positive finite number.")
    return amax


def _shared(groups: Sequence[Sequence[str]], tensors: Mapping[str, TensorScale]) -> dict[str, TensorScale]:
    """``tensors`` with the largest amax of each group for all of its members."""
    unknown = [name for group in groups for name in group if name not in tensors]
    if unknown:
        raise PlanError(f"shared names {unknown[0]!r}, which INT8 would not quantize here.")
    found = dict(tensors)
    for group in groups:
        widest = max((found[name] for name in group), key=lambda scale: scale.amax)
        found |= {name: found[name].model_copy(update={"amax": widest.amax}) for name in group}
    return found

"""Hold a rewritten model, executed as it is typed by the runner that decides, against the FP32 reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.files.constraints import Constraints
from trtflow.files.outcomes import VerdictDocument
from trtflow.files.search import SearchDocument
from trtflow.model.foreign import ending_at
from trtflow.precision import FP32, Accumulation
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.evaluate import UserMetric
from trtflow.runners.registry import EMULATED
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.tasks.judge import Conditions, judge_by
from trtflow.tasks.measured_on import DEFAULTS, execute_on
from trtflow.tasks.proof import prove
from trtflow.tasks.runtime_trial import try_runtime
from trtflow.tasks.weakly import WeakRunner
from trtflow.trt.request import EngineSettings


def validate(
    reference: ModelProto,
    candidate: ModelProto,
    data: Iterable[Sample],
    *,
    accept: Conditions | None = None,
    metric: UserMetric | None = None,
    allow_nonfinite: bool = False,
    runner: str = EMULATED,
    script: str | None = None,
    searches: Sequence[SearchDocument] = (),
    calibrated: bool = False,
    file: Path | None = None,
    constraints: Constraints | None = None,
    calibration: Iterable[Sample] | None = None,
    trt: EngineSettings = DEFAULTS,
    accumulation: Accumulation = FP32,
    hooks: Hooks = SILENT,
) -> VerdictDocument:
    """Measure ``candidate`` on all of ``data`` and judge it as ``runner`` executes it.

    It must hold on all samples and on those that ``searches``, which found it, left unseen. ``calibrated``: its
    ranges were chosen on these samples, so that none is unseen by all. Where ``reference`` ends before foreign
    operators, ``candidate`` is measured there. ``file`` holds the candidate, and is tried in ONNX Runtime; left out,
    nothing is told of that. ``trt``: how an engine is built. Under weak typing it is one of ``reference``, told the
    plan and the ranges of ``constraints``, which are needed then; the emulator judges ``candidate`` beside it.
    ``calibration``: samples for TensorRT's own calibrator, where ``trt`` names one; left out, ``data``.
    ``script``: the user's own for ``polygraphy-script``, file.py:function.
    ``accumulation``: what the emulator adds products in FP16 up in.
    ``allow_nonfinite``: FP32's own outputs may hold NaN and infinity, masked scores, say.

    Raises:
        DataError: FP32's own outputs are not finite, or zero on every sample.
        BackendError: the runner is not to be had here, stops, or lacks the constraints that weak typing takes.
        BuildError: it cannot build ``candidate``.
        MetricError: a condition names a metric that cannot be measured.

    Example:
        >>> trtflow.validate(model, mixed, data, searches=[decided.search]).proven
        True
    """
    judge, samples = judge_by(accept, metric, allow_nonfinite), list(data)
    execute = execute_on(runner, samples, trt, script, hooks.progress)
    candidate = ending_at(candidate, [value.name for value in reference.graph.output])
    evaluator = judge.evaluator(reference, samples, hooks)
    taps = evaluator.selection.before  # an engine with taps would be another one
    typed = partial(TypedRunner, candidate, taps, accumulation)
    everything = range(len(samples))
    weak = partial(WeakRunner, execute, reference, constraints, samples if calibration is None else calibration)
    engine = weak if execute.typing == "weak" else partial(execute, candidate)
    outputs = evaluator.run(typed() if runner == EMULATED else engine(), everything)
    measured = evaluator.score(outputs, everything)
    verdict = evaluator.judge(measured)
    proof = prove(evaluator, outputs, searches, accepted=verdict.accepted, calibrated=calibrated)
    as_typed = outputs if runner == EMULATED else evaluator.run(typed(), everything)
    beside = None if runner == EMULATED else evaluator.score(as_typed, everything)
    return VerdictDocument(
        **dict(proof),
        samples=len(evaluator.samples),
        reference=evaluator.reference.metrics,
        candidate=measured.metrics,
        margins=verdict.margins,
        accept=evaluator.accept.document(),
        worst_sample=measured.hardest(1)[0] if measured.error else None,
        decided_by=measured.decided_by if measured.error else {},
        silent=evaluator.silent,
        runner=runner,
        typing=execute.typing if execute.backend.builds else None,
        emulated=None if beside is None else evaluator.judge(beside).accepted,
        runtime=None if file is None else try_runtime(file, evaluator, as_typed),
    )

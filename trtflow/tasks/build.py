"""Build an engine from an ONNX file as it is typed, or weakly typed under a decision."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from trtflow.data import Sample
from trtflow.errors import BackendError, BuildError
from trtflow.files.constraints import Constraints
from trtflow.files.outcomes import BuildOutcome
from trtflow.model.load import save
from trtflow.runners.registry import BUILDERS, find_backend, typing_on
from trtflow.tasks.documents import Documents
from trtflow.tasks.honouring import outcome
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.tasks.measured_on import DEFAULTS
from trtflow.tasks.weakly import told
from trtflow.trt import isolated
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import shape_ranges

REWRITTEN = "the rewrite broke it: the original builds and this does not. Please report this."
CONSTRAINED = "the constraints broke it: without them the original builds. Ask for `typing: strong`."


def build(
    model: Path,
    data: Iterable[Sample],
    destination: Path,
    runner: str = "auto",
    original: Path | None = None,
    *,
    constraints: Constraints | None = None,
    calibration: Iterable[Sample] | None = None,
    trt: EngineSettings = DEFAULTS,
    hooks: Hooks = SILENT,
) -> BuildOutcome:
    """Build ``model`` into ``destination``, or say plainly why not; the shapes of ``data`` bound its inputs.

    ``runner``: a backend that builds engines. One that was asked for by name must be there, and build. ``original``:
    the model that ``model`` was rewritten from, to tell whose failure it is where it does not build. ``trt``: how it
    is built; under weak typing from ``original``, told the plan and the ranges of ``constraints``. ``calibration``:
    samples for TensorRT's own calibrator, where ``trt`` names one; left out, ``data``.

    Raises:
        BackendError: the backend builds no engines or is missing, cannot honour ``trt``, or weak typing lacks the
            original or the constraints.
        BuildError: it does not build the model although it builds the original or was asked for by name, or ignores
            its low precision. A crash and a time-out are BuildCrash and BuildTimeout.

    Example:
        >>> trtflow.build(Path("unet.mixed.onnx"), data, Path("engine.plan")).backend
        'tensorrt-rtx'
    """
    if runner not in ("auto", *BUILDERS):
        raise BackendError(f"'{runner}' builds no engines; expected auto or one of {', '.join(BUILDERS)}.")
    found, why_not = find_backend() if runner == "auto" else (runner, "")
    if found is None:
        return BuildOutcome(backend="none", not_built=why_not)
    try:
        weak = typing_on(found, trt) == "weak"
    except BackendError as error:
        if runner != "auto":
            raise
        return BuildOutcome(backend=found, not_built=str(error))
    plain = EngineRequest(model, shape_ranges(sample.feed for sample in data), trt)
    with tempfile.TemporaryDirectory() as folder:
        feeds = data if calibration is None else calibration
        request = _weak(plain, original, constraints, feeds, Path(folder)) if weak else plain
        try:
            built = isolated.build(request, found, destination, hooks.progress)
        except BuildError as error:
            if original is None:
                raise
            culprit = CONSTRAINED if weak else REWRITTEN
            whose = _whose(error, culprit, found, replace(plain, model=original), hooks)
            if runner != "auto":
                needed = f"{whose} An engine of {runner} is required: `runner: auto` does without."
                raise type(error)(needed) from error
            return BuildOutcome(backend=found, not_built=whose, failure=error.outcome)
    return outcome(built)


def _weak(
    request: EngineRequest,
    original: Path | None,
    constraints: Constraints | None,
    calibration: Iterable[Sample],
    folder: Path,
) -> EngineRequest:
    """The same engine, weakly typed: of the original, cured, in ``folder``."""
    import onnx

    if original is None:
        raise BackendError("under `typing: weak` the FP32 model is built; give it as `original`.")
    found = told(onnx.load(original), constraints, request.settings, calibration, folder)
    save(found.model, folder / original.name)
    return replace(
        request,
        model=folder / original.name,
        plan=found.plan,
        ranges=found.ranges,
        calibration=found.calibration,
    )


def _whose(error: BuildError, culprit: str, backend: str, original: EngineRequest, hooks: Hooks) -> str:
    """Why there is no engine, where the original does not build either.

    Raises:
        BuildError: it does, so that the ``culprit`` is to blame.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            isolated.build(original, backend, Path(folder) / "original.plan", hooks.progress)
        except BuildError as own:
            return f"the original does not build either: {own}"
    raise type(error)(f"{culprit} {error}")


def not_built(documents: Documents) -> Iterator[str]:
    """The mark of a verdict that no engine stands behind, though one was asked for."""
    if documents.build is not None and documents.build.not_built:
        yield f"not built here: {documents.build.not_built}"

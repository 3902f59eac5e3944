"""Build an engine from an ONNX file, as it is typed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from trtflow.data import Sample
from trtflow.errors import BackendError
from trtflow.files.outcomes import BuildOutcome
from trtflow.runners.backend import shape_ranges
from trtflow.runners.registry import BUILDERS, find_backend
from trtflow.runners.tensorrt import build_engine


def build(
    model: Path,
    data: Iterable[Sample],
    destination: Path,
    runner: str = "auto",
) -> BuildOutcome:
    """Build ``model`` into ``destination``, or say plainly why not; the shapes of ``data`` bound its inputs.

    ``runner``: a backend that builds engines. Only one that was asked for by name must be there.

    Raises:
        BackendError: the backend builds no engines or is missing, does not build the model, or ignores its low
            precision.

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
        built = build_engine(found, model, shape_ranges([sample.shapes for sample in data]), destination)
    except ImportError as error:
        raise BackendError(f"{found} was asked for but cannot be imported: {error}.") from error
    return BuildOutcome(backend=built.backend, version=built.version, bytes=built.bytes, tensors=built.tensors)

"""Build an engine from an ONNX file, as it is typed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from trtflow.data import Sample
from trtflow.errors import BackendError, BuildError
from trtflow.files.outcomes import BuildOutcome
from trtflow.runners.registry import BUILDERS, find_backend
from trtflow.runners.tensorrt import build_engine
from trtflow.tasks.documents import Documents
from trtflow.trt.shapes import ShapeRange, shape_ranges


def build(
    model: Path,
    data: Iterable[Sample],
    destination: Path,
    runner: str = "auto",
    original: Path | None = None,
) -> BuildOutcome:
    """Build ``model`` into ``destination``, or say plainly why not; the shapes of ``data`` bound its inputs.

    ``runner``: a backend that builds engines. One that was asked for by name must be there, and build. ``original``:
    the model that ``model`` was rewritten from, to tell whose failure it is where it does not build.

    Raises:
        BackendError: the backend builds no engines or is missing, does not build the model although it builds the
            original or was asked for by name, or ignores its low precision.

    Example:
        >>> trtflow.build(Path("unet.mixed.onnx"), data, Path("engine.plan")).backend
        'tensorrt-rtx'
    """
    if runner not in ("auto", *BUILDERS):
        raise BackendError(f"'{runner}' builds no engines; expected auto or one of {', '.join(BUILDERS)}.")
    found, why_not = find_backend() if runner == "auto" else (runner, "")
    if found is None:
        return BuildOutcome(backend="none", not_built=why_not)
    shapes = shape_ranges(sample.feed for sample in data)
    try:
        built = build_engine(found, model, shapes, destination)
    except BuildError as error:
        if original is None:
            raise
        whose = _whose(error, found, original, shapes)
        if runner != "auto":
            raise BuildError(f"{whose} An engine of {runner} is required: `runner: auto` does without.") from error
        return BuildOutcome(backend=found, not_built=whose)
    except ImportError as error:
        raise BackendError(f"{found} was asked for but cannot be imported: {error}.") from error
    return BuildOutcome(backend=built.backend, version=built.version, bytes=built.bytes, tensors=built.tensors)


def _whose(error: BuildError, backend: str, original: Path, shapes: Mapping[str, ShapeRange]) -> str:
    """Why there is no engine, where the original does not build either.

    Raises:
        BuildError: it does, so that the rewrite is to blame.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            build_engine(backend, original, shapes, Path(folder) / "original.plan")
        except BuildError as own:
            return f"the original does not build either: {own}"
    raise BuildError(f"the rewrite broke it: the original builds and this does not. Please report this. {error}")


def not_built(documents: Documents) -> Iterator[str]:
    """The mark of a verdict that no engine stands behind, though one was asked for."""
    if documents.build is not None and documents.build.not_built:
        yield f"not built here: {documents.build.not_built}"

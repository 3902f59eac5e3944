"""All backends by name. A new one is a module of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trtflow.errors import BackendError, TrtflowError
from trtflow.runners.backend import Backend, Runner
from trtflow.runners.cpu import Emulated, OnnxRuntime
from trtflow.runners.cuda import Cuda
from trtflow.runners.polygraphy_script import PolygraphyScript
from trtflow.runners.probe import probe
from trtflow.runners.remedies import cannot_run
from trtflow.runners.tensorrt import TensorRt
from trtflow.trt.shapes import ShapeRange

if TYPE_CHECKING:
    from onnx import ModelProto

Execute = Callable[["ModelProto"], Runner]

BACKENDS: Mapping[str, Backend] = {
    "onnxruntime": OnnxRuntime(),
    "emulated": Emulated(),
    "cuda": Cuda(),
    "tensorrt": TensorRt("tensorrt", "tensorrt", needs_gpu=True),
    "tensorrt-rtx": TensorRt(
        "tensorrt-rtx",
        "tensorrt_rtx",
        needs_gpu=False,
        oldest=(7, 5),
        skipped=(9,),
        gpus=" (Turing to Blackwell, not Hopper)",
    ),
    "polygraphy-script": PolygraphyScript(),
}
EMULATED = "emulated"
ENGINES: tuple[str, ...] = tuple(name for name, backend in BACKENDS.items() if backend.is_engine)
BUILDERS: tuple[str, ...] = tuple(name for name, backend in BACKENDS.items() if backend.builds)


def find_backend() -> tuple[str | None, str]:
    """The backend that can build here, TensorRT before TensorRT-RTX, else None and the reason."""
    missing = {name: BACKENDS[name].why_not() for name in BUILDERS}
    found = next((name for name, reason in missing.items() if not reason), None)
    if found is not None:
        return found, ""
    return None, "; ".join(missing.values()) + "; pip install 'trtflow[rtx]' builds on any Linux x86-64 machine"


def known(name: str) -> str:
    """``name``, which is a runner's.

    Raises:
        BackendError: there is no such runner.
    """
    if name not in BACKENDS:
        raise BackendError(f"there is no runner '{name}'; expected one of {', '.join(BACKENDS)}.")
    return name


def executor(name: str, shapes: Mapping[str, ShapeRange], script: str | None = None) -> Execute:
    """What turns a typed model into a runner on ``name``, which was tried; ``shapes`` bound an engine's inputs.

    ``script``: the user's own for ``polygraphy-script``, file.py:function. It may serve one model only, so it is not
    tried.

    Raises:
        BackendError: there is no such backend, it is not to be had here, or does not run.
    """
    backend = BACKENDS[known(name)]
    if isinstance(backend, PolygraphyScript):
        backend = replace(backend, script=script)
    reason = backend.why_not_run()
    if reason:
        raise BackendError(cannot_run(name, reason))
    if script is None or not isinstance(backend, PolygraphyScript):
        probe(backend)

    def execute(model: ModelProto) -> Runner:
        with _reporting(name):
            return _Reporting(backend.start(model, shapes))

    return execute


@contextmanager
def _reporting(name: str) -> Iterator[None]:
    """Turn what a library beneath raises into an error of ours: that an engine stops says nothing about a plan."""
    try:
        yield
    except TrtflowError:
        raise
    except Exception as error:  # each library raises classes of its own
        raise BackendError(f"'{name}' stopped while it executed the model: {error}") from error


class _Reporting:
    """A runner whose failures are errors of ours."""

    def __init__(self, runner: Runner) -> None:
        self.runner, self.name = runner, runner.name

    def __enter__(self) -> _Reporting:
        with _reporting(self.name):
            self.runner.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self.runner.__exit__(*raised)

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        with _reporting(self.name):
            return self.runner(feed)

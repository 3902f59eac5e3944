"""All backends by name. A new one is a module of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trtflow.errors import BackendError, TrtflowError
from trtflow.plan import PrecisionPlan
from trtflow.progress import Progress, silent
from trtflow.runners.backend import Backend, Runner
from trtflow.runners.cpu import Emulated, OnnxRuntime
from trtflow.runners.cuda import Cuda
from trtflow.runners.polygraphy_script import PolygraphyScript
from trtflow.runners.probe import probe
from trtflow.runners.remedies import cannot_run
from trtflow.runners.tensorrt import EngineRunner, TensorRt
from trtflow.runners.torch_runner import Torch
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest, EngineSettings

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtflow.trt.built import EngineBuild

Execute = Callable[..., Runner]
"""(model) → what executes it as it is typed; (model, plan, ranges) → likewise under a plan, weakly typed."""

BACKENDS: Mapping[str, Backend] = {
    "onnxruntime": OnnxRuntime(),
    "emulated": Emulated(),
    "cuda": Cuda(),
    "torch": Torch(),
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
NO_RANGES: Mapping[str, float] = MappingProxyType({})
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


@dataclass(frozen=True)
class Executor:
    """An ``Execute`` on one backend; ``typing`` says what it must be given, ``request`` how engines are asked for."""

    backend: Backend
    request: EngineRequest
    typing: Typing

    def __call__(
        self,
        model: ModelProto,
        plan: PrecisionPlan | None = None,
        ranges: Mapping[str, float] = NO_RANGES,
        calibration: Path | None = None,
        marks: tuple[str, ...] = (),
    ) -> Reporting:
        """What executes ``model`` as it is typed, or weakly typed under ``plan`` with ``ranges`` (tensor → amax).

        ``marks``: tensors that an engine hands out beside the outputs, those of them that it can.
        """
        request = replace(self.request, plan=plan, ranges={**ranges}, calibration=calibration, marks=marks)
        with _reporting(self.backend.name):
            return Reporting(self.backend.start(model, request))


def typing_on(name: str, settings: EngineSettings) -> Typing:
    """How the backend called ``name``, which is here, types engines under ``settings``.

    Raises:
        BackendError: it cannot honour them.
    """
    return BACKENDS[name].typing(settings)


def executor(name: str, request: EngineRequest, script: str | None = None, progress: Progress = silent) -> Executor:
    """What turns models into runners on ``name``, which was tried; ``request`` bounds and sets an engine.

    ``progress`` is told how far the build of an engine is. ``script``: the user's own for ``polygraphy-script``,
    file.py:function. It may serve one model only, so it is not tried.

    Raises:
        BackendError: there is no such backend, it is not to be had here, cannot honour the settings, or does not run.
    """
    backend = BACKENDS[known(name)]
    if isinstance(backend, PolygraphyScript):
        backend = replace(backend, script=script)
    if isinstance(backend, TensorRt):
        backend = replace(backend, progress=progress)
    reason = backend.why_not_run()
    if reason:
        raise BackendError(cannot_run(name, reason))
    typing = backend.typing(request.settings)
    if not isinstance(backend, PolygraphyScript) or script is None:
        probe(backend, request.settings, typing)
    return Executor(backend, request, typing)


@contextmanager
def _reporting(name: str) -> Iterator[None]:
    """Turn what a library beneath raises into an error of ours: that an engine stops says nothing about a plan."""
    try:
        yield
    except TrtflowError:
        raise
    except Exception as error:  # each library raises classes of its own
        raise BackendError(f"'{name}' stopped while it executed the model: {error}") from error


class Reporting:
    """A runner whose failures are errors of ours."""

    def __init__(self, runner: Runner) -> None:
        self.runner, self.name = runner, runner.name

    @property
    def built(self) -> EngineBuild | None:
        """What was built, of an engine that was entered."""
        return getattr(self.runner, "built", None)

    def __enter__(self) -> Reporting:
        with _reporting(self.name):
            self.runner.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self.runner.__exit__(*raised)

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        with _reporting(self.name):
            return self.runner(feed)


def unheeded(runner: Runner) -> tuple[str, ...]:
    """The nodes that the engine behind ``runner``, once built, computes in another precision than was asked for."""
    engine = runner.runner if isinstance(runner, Reporting) else runner
    if not isinstance(engine, EngineRunner) or engine.built is None:
        return ()
    return tuple(constraint.node for constraint in engine.built.honoured.having("not honoured"))

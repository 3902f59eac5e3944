"""TensorRT and TensorRT-RTX: an engine is built in a process of its own, and executed by Polygraphy's runner."""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtflow.errors import BackendError
from trtflow.facts import gpu
from trtflow.progress import Progress, silent
from trtflow.runners.backend import Runner
from trtflow.runners.remedies import NO_GPU, why_not_imported
from trtflow.trt.built import EngineBuild
from trtflow.trt.capabilities import Typing, capabilities
from trtflow.trt.profile import by_engine_names
from trtflow.trt.request import EngineRequest, EngineSettings

if TYPE_CHECKING:
    from onnx import ModelProto


FILE = "model.onnx"


@dataclass(frozen=True)
class TensorRt:
    """TensorRT or TensorRT-RTX; ``module`` is its Python package, ``needs_gpu`` says whether it needs one to build.

    An engine runs on GPUs of the compute capability ``oldest`` or later, but for the major ones ``skipped``; ``gpus``
    says so in words.
    """

    name: str
    module: str
    needs_gpu: bool
    is_engine: bool = True
    builds: bool = True
    oldest: tuple[int, int] = (0, 0)
    skipped: tuple[int, ...] = ()
    gpus: str = ""
    progress: Progress = silent

    @property
    def facts(self) -> tuple[str, ...]:
        """Its own version, the GPU and the driver."""
        return (self.name, "gpu", "driver")

    def why_not(self) -> str:
        """What is missing to build."""
        missing = why_not_imported(self.module)
        lacking = f"{self.name} needs a GPU to build, and {NO_GPU}" if self.needs_gpu and gpu() is None else ""
        return missing or lacking

    def why_not_run(self) -> str:
        """What is missing to build, and a GPU that executes what was built."""
        missing, found = why_not_imported(self.module), gpu()
        if missing or (found is None and self.needs_gpu):
            return ", and ".join(reason for reason in (missing, "" if found else NO_GPU) if reason)
        if found is None:
            return f"it builds here, needs a GPU{self.gpus} to run, and there is none"
        numbers = [int(part) for part in found.capability.split(".") if part.isdigit()]
        if numbers and (numbers < [*self.oldest] or numbers[0] in self.skipped):
            here = f"this is {found.name}, compute capability {found.capability}"
            return f"it builds here, needs a GPU{self.gpus} to run: {here}"
        return ""

    def typing(self, settings: EngineSettings) -> Typing:
        """As the settings ask for, else as the installed version does by itself.

        Raises:
            BackendError: the version cannot honour ``settings``, or cannot be imported.
        """
        from trtflow.trt.demands import agreed_typing

        try:
            module = importlib.import_module(self.module)
        except ImportError as error:
            raise BackendError(f"{self.name} was asked for but cannot be imported: {error}.") from error
        return agreed_typing(settings, capabilities(module))

    def start(self, model: ModelProto, request: EngineRequest) -> Runner:
        """An engine of ``model``."""
        return EngineRunner(self.name, model, request, self.progress)


class EngineRunner:
    """Builds in a process of its own on entering, and executes here; needs a GPU to run.

    ``built`` is what came of it; None before.
    """

    def __init__(self, backend: str, model: ModelProto, request: EngineRequest, progress: Progress = silent) -> None:
        self.name = backend
        self.built: EngineBuild | None = None
        self._model, self._request, self._progress = model, request, progress
        self._engine: Any = None

    def __enter__(self) -> EngineRunner:
        from trtflow.model.load import save
        from trtflow.trt.building import import_module
        from trtflow.trt.isolated import ENGINE, build

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            save(self._model, folder / FILE)
            asked = replace(self._request, model=folder / FILE)
            self.built = build(asked, self.name, folder / ENGINE, self._progress)
            engine = (folder / ENGINE).read_bytes()
        import_module(self.name)
        from polygraphy.backend.trt import EngineFromBytes, TrtRunner

        self._engine = TrtRunner(EngineFromBytes(engine), name=self.name)
        self._engine.activate()
        return self

    def __exit__(self, *raised: object) -> None:
        self._engine.deactivate()

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs for ``feed``."""
        named = by_engine_names(feed, self._engine.get_input_metadata(use_numpy_dtypes=False))
        made = self._engine.infer(named, check_inputs=False)
        return {name: array.copy() for name, array in made.items()}  # Polygraphy writes the next ones over them

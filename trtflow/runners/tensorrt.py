"""TensorRT and TensorRT-RTX through Polygraphy's loaders: engines, strongly typed, TF32 off."""

from __future__ import annotations

import importlib
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtflow.errors import BuildError
from trtflow.facts import gpu
from trtflow.model.libraries import plugin_libraries
from trtflow.precision import LOW, ROWS
from trtflow.runners.backend import Runner
from trtflow.runners.remedies import NO_GPU, why_not_imported
from trtflow.trt.profile import SampledProfile, by_engine_names
from trtflow.trt.shapes import ShapeRange

if TYPE_CHECKING:
    from onnx import ModelProto


SENTENCE = 300  # characters of what TensorRT says: it may repeat itself


@dataclass(frozen=True)
class EngineBuild:
    """What was built: backend and version, time in seconds, size in bytes, network tensors by type."""

    backend: str
    version: str
    seconds: float
    bytes: int
    tensors: Mapping[str, int]


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

    def start(self, model: ModelProto, shapes: Mapping[str, ShapeRange]) -> Runner:
        """An engine that is built from ``model`` as it is typed."""
        return EngineRunner(self.name, model, shapes)


class EngineRunner:
    """Builds on entering, and executes; needs a GPU to run."""

    def __init__(self, backend: str, model: ModelProto, shapes: Mapping[str, ShapeRange]) -> None:
        self.name = backend
        self._model, self._shapes = model, shapes
        self._engine: Any = None

    def __enter__(self) -> EngineRunner:
        from trtflow.model.load import save

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            save(self._model, path)
            build_engine(self.name, path, self._shapes, path.with_suffix(".plan"))
            plan = path.with_suffix(".plan").read_bytes()
        from polygraphy.backend.trt import EngineFromBytes, TrtRunner

        self._engine = TrtRunner(EngineFromBytes(plan), name=self.name)
        self._engine.activate()
        return self

    def __exit__(self, *raised: object) -> None:
        self._engine.deactivate()

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs for ``feed``."""
        named = by_engine_names(feed, self._engine.get_input_metadata())
        return dict(self._engine.infer(named, check_inputs=False))


def build_engine(backend: str, model: Path, shapes: Mapping[str, ShapeRange], destination: Path) -> EngineBuild:
    """Build ``model`` as it is typed and write the engine to ``destination``.

    ``backend``: tensorrt or tensorrt-rtx. Run it in a process of its own: the backend is chosen once per process,
    and a builder may crash.

    Raises:
        BuildError: the model is not parsed or built, or the network ignores the model's low precision.
    """
    from polygraphy import config as polygraphy_config

    polygraphy_config.USE_TENSORRT_RTX = backend == "tensorrt-rtx"  # read when polygraphy.backend.trt is imported
    from polygraphy.backend.trt import CreateConfig, EngineBytesFromNetwork, NetworkFromOnnxPath, get_trt_logger
    from polygraphy.exception import PolygraphyException

    started = time.perf_counter()
    said: list[str] = []
    try:
        with _errors_into(said):
            load_plugins(importlib.import_module(backend.replace("-", "_")), get_trt_logger())
            builder, network, parser = NetworkFromOnnxPath(str(model), strongly_typed=True)()
            tensors = _count_types(network)
            _require_low_precision(model, tensors)
            config = CreateConfig(
                profiles=[SampledProfile(shapes)]
            )  # leaves TF32 off, which CreateConfigRTX does not
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", DeprecationWarning
                )  # Polygraphy sets a timing cache, RTX deprecates it
                engine = bytes(EngineBytesFromNetwork((builder, network, parser), config)())
    except PolygraphyException as error:
        raise BuildError(
            f"{backend} does not build {model.name}: {_short((said or [str(error)])[-1])}. The log has the rest."
        ) from error
    destination.write_bytes(engine)
    seconds = time.perf_counter() - started
    version = str(importlib.import_module(backend.replace("-", "_")).__version__)
    return EngineBuild(backend, version, seconds, len(engine), tensors)


def load_plugins(module: Any, logger: Any) -> None:
    """Let the parser in ``module``, TensorRT's package, know its own plugins and those of the user's libraries.

    Raises:
        BuildError: a library cannot be loaded.
    """
    module.init_libnvinfer_plugins(logger, "")
    for library in plugin_libraries():
        if module.get_plugin_registry().load_library(str(library)) is None:
            raise BuildError(f"TensorRT cannot load the plugin library {library}; the log says why.")


def _short(sentence: str) -> str:
    return sentence.rstrip(".") if len(sentence) <= SENTENCE else f"{sentence[:SENTENCE]}…"


@contextmanager
def _errors_into(said: list[str]) -> Iterator[None]:
    """Gather what TensorRT and its parser call errors; Polygraphy raises one that only points at its log."""
    from polygraphy.logger import G_LOGGER

    tell = G_LOGGER.error

    def hear(message: object, *more: Any, **options: Any) -> None:
        said.append(" ".join(str(message).split()))
        tell(message, *more, **options)

    G_LOGGER.error = hear
    try:
        yield
    finally:
        G_LOGGER.error = tell


def _count_types(network: Any) -> dict[str, int]:
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    outputs = [layer.get_output(index) for layer in layers for index in range(layer.num_outputs)]
    return dict(Counter(tensor.dtype.name.lower() for tensor in outputs if tensor is not None))


def _require_low_precision(model: Path, tensors: Mapping[str, int]) -> None:
    """A request that a backend ignores is an error: FP16 asked and FP32 built is the worst silent failure."""
    import onnx

    low = {ROWS[precision].onnx_type: ROWS[precision].names.network for precision in LOW}
    graph = onnx.load(model, load_external_data=False).graph
    asked = {low[a.i] for node in graph.node if node.op_type == "Cast" for a in node.attribute if a.i in low}
    ignored = sorted(name for name in asked if not tensors.get(name))
    if ignored:
        raise BuildError(
            f"{model.name} asks for {', '.join(ignored)}, but the parsed network has none: {dict(tensors)}."
        )

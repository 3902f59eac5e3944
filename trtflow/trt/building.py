"""Build one engine, in this process, through Polygraphy's loaders.

Polygraphy takes TensorRT or TensorRT-RTX once per process, and a builder may crash or hang: ``trtflow.trt.child``
builds in a process of its own.
"""

from __future__ import annotations

import importlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtflow.errors import BuildError
from trtflow.facts import fact
from trtflow.model.libraries import plugin_libraries
from trtflow.precision import LOW, ROWS
from trtflow.progress import Progress, silent
from trtflow.trt import timing
from trtflow.trt.built import EngineBuild
from trtflow.trt.capabilities import capabilities
from trtflow.trt.configuring import configuration
from trtflow.trt.demands import check_request
from trtflow.trt.editing import calibration, edit
from trtflow.trt.honoured import Honoured
from trtflow.trt.inspected import LAYERS, NAMES, check, inspect, write_table
from trtflow.trt.request import EngineRequest

if TYPE_CHECKING:
    from trtflow.trt.calibrators import Batches

SENTENCE = 300  # characters of what TensorRT says: it may repeat itself
MACHINE = ("gpu", "driver", "cuda-runtime")
CACHE = "calibration.tensorrt.cache"


def import_module(flavour: str) -> Any:
    """TensorRT's own Python package for ``flavour``, tensorrt or tensorrt-rtx, which Polygraphy then takes, too."""
    from polygraphy import config as polygraphy_config

    polygraphy_config.USE_TENSORRT_RTX = flavour == "tensorrt-rtx"  # read when polygraphy.backend.trt is imported
    return importlib.import_module(flavour.replace("-", "_"))


def build(request: EngineRequest, flavour: str, destination: Path, progress: Progress = silent) -> EngineBuild:
    """Build what ``request`` asks for and write the engine to ``destination``.

    Beside it stand its layers and its names table where it was inspected, and the cache where it was calibrated.
    ``flavour``: tensorrt or tensorrt-rtx.

    Raises:
        BuildError: the model is not parsed, calibrated or built, or its low precision is ignored.
        BackendError: the version cannot honour the request.
        ImportError: there is no such package.
    """
    module = import_module(flavour)
    can = capabilities(module)
    typing = check_request(request, can)
    import onnx
    from polygraphy.backend.trt import EngineBytesFromNetwork, NetworkFromOnnxPath, get_trt_logger

    from trtflow.trt.names import names_table

    started, notes = time.perf_counter(), list[str]()
    with _refusals(flavour, request.model.name):
        load_plugins(module, get_trt_logger())
        flagged = typing == "strong" and hasattr(module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")
        builder, network, parser = NetworkFromOnnxPath(str(request.model), strongly_typed=flagged)()
        tensors = _count_types(network)
        if typing == "strong":
            _require_low_precision(request.model, tensors)
        model = onnx.load(request.model, load_external_data=False)
        rows = names_table(network, model)
        marks = edit(network, module, request, typing, notes.append)
        calibrator, batches = calibration(module, network, request, destination.with_name(CACHE))
        config = configuration(request, module, can, typing, progress, calibrator)(builder, network)
        engine = _bytes(EngineBytesFromNetwork((builder, network, parser), lambda builder, network: config), batches)
        if request.settings.timing_cache is not None and can.timing_cache:
            timing.keep(config, request.settings.timing_cache)
    destination.write_bytes(engine)
    seconds = time.perf_counter() - started
    layers, uninspected = inspect(module, get_trt_logger(), engine)
    if layers:
        destination.with_name(LAYERS).write_text(layers, encoding="utf-8")
        write_table(rows, can.says, model, layers, destination.with_name(NAMES))
    return EngineBuild(
        backend=flavour,
        version=can.version,
        seconds=seconds,
        bytes=len(engine),
        tensors=tensors,
        typing=typing,
        machine={name: value for name in MACHINE if (value := fact(name)) is not None},
        uninspected=uninspected,
        marks=marks,
        notes=(*notes, *([] if batches is None else [batches.calibrated().says])),
        honoured=check(layers, model, request.plan, typing) if layers else Honoured(),
    )


def _bytes(engine: Callable[[], Any], batches: Batches | None) -> bytes:
    """The engine; where there is none because samples failed, these are to blame."""
    try:
        return bytes(engine())
    except Exception:
        if batches is not None:
            batches.calibrated()
        raise


def load_plugins(module: Any, logger: Any) -> None:
    """Let the parser in ``module``, TensorRT's package, know its own plugins and those of the user's libraries.

    Raises:
        BuildError: a library cannot be loaded.
    """
    module.init_libnvinfer_plugins(logger, "")
    for library in plugin_libraries():
        if module.get_plugin_registry().load_library(str(library)) is None:
            raise BuildError(f"TensorRT cannot load the plugin library {library}; the log says why.")


@contextmanager
def _refusals(flavour: str, model: str) -> Iterator[None]:
    """A refusal in TensorRT's own last words; Polygraphy raises an error that only points at its log."""
    from polygraphy.exception import PolygraphyException
    from polygraphy.logger import G_LOGGER

    said: list[str] = []
    tell = G_LOGGER.error

    def hear(message: object, *more: Any, **options: Any) -> None:
        said.append(" ".join(str(message).split()))
        tell(message, *more, **options)

    G_LOGGER.error = hear
    try:
        yield
    except PolygraphyException as error:
        why = _short((said or [str(error)])[-1])
        raise BuildError(f"{flavour} does not build {model}: {why}. The log has the rest.") from error
    finally:
        G_LOGGER.error = tell


def _short(sentence: str) -> str:
    return sentence.rstrip(".") if len(sentence) <= SENTENCE else f"{sentence[:SENTENCE]}…"


def _count_types(network: Any) -> dict[str, int]:
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    outputs = [layer.get_output(index) for layer in layers for index in range(layer.num_outputs)]
    return dict(Counter(tensor.dtype.name.lower() for tensor in outputs if tensor is not None))


def _require_low_precision(model: Path, tensors: Mapping[str, int]) -> None:
    """A request that a backend ignores is an error: FP16 asked and FP32 built is the worst silent failure."""
    import onnx

    low = {ROWS[precision].onnx_type: ROWS[precision].names.network for precision in LOW}
    graph = onnx.load(model, load_external_data=False).graph
    asked = {low[value] for value in _cast_types(graph.node) if value in low}
    ignored = sorted(name for name in asked if not tensors.get(name))
    if ignored:
        raise BuildError(
            f"{model.name} asks for {', '.join(ignored)}, but the parsed network has none: {dict(tensors)}."
        )


def _cast_types(nodes: Iterable[Any]) -> Iterator[int]:
    return (attribute.i for node in nodes if node.op_type == "Cast" for attribute in node.attribute)

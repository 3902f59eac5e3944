"""Build one engine, in this process, through Polygraphy's loaders.

Polygraphy takes TensorRT or TensorRT-RTX once per process, and a builder may crash or hang: ``trtflow.trt.child``
builds in a process of its own.
"""

from __future__ import annotations

import importlib
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trtflow.errors import BuildError
from trtflow.facts import fact
from trtflow.model.libraries import plugin_libraries
from trtflow.precision import FP32, LOW, ROWS
from trtflow.progress import Progress, silent
from trtflow.trt import timing
from trtflow.trt.built import EngineBuild
from trtflow.trt.capabilities import Capabilities, Typing, capabilities
from trtflow.trt.demands import check_request
from trtflow.trt.editing import calibration, edit
from trtflow.trt.monitor import make_monitor
from trtflow.trt.profile import SampledProfile
from trtflow.trt.request import EngineRequest

SENTENCE = 300  # characters of what TensorRT says: it may repeat itself
MACHINE = ("gpu", "driver", "cuda-runtime")
LAYERS = "engine-layers.json"


def import_module(flavour: str) -> Any:
    """TensorRT's own Python package for ``flavour``, tensorrt or tensorrt-rtx, which Polygraphy then takes, too."""
    from polygraphy import config as polygraphy_config

    polygraphy_config.USE_TENSORRT_RTX = flavour == "tensorrt-rtx"  # read when polygraphy.backend.trt is imported
    return importlib.import_module(flavour.replace("-", "_"))


def build(request: EngineRequest, flavour: str, destination: Path, progress: Progress = silent) -> EngineBuild:
    """Build what ``request`` asks for and write the engine to ``destination``, its layers to a file beside it.

    ``flavour``: tensorrt or tensorrt-rtx.

    Raises:
        BuildError: the model is not parsed or built, or the network ignores the model's low precision.
        BackendError: the version cannot honour the request.
        ImportError: there is no such package.
    """
    module = import_module(flavour)
    can = capabilities(module)
    typing = check_request(request, can)
    from polygraphy.backend.trt import EngineBytesFromNetwork, NetworkFromOnnxPath, get_trt_logger

    started, notes = time.perf_counter(), list[str]()
    with _refusals(flavour, request.model.name):
        load_plugins(module, get_trt_logger())
        flagged = typing == "strong" and hasattr(module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")
        builder, network, parser = NetworkFromOnnxPath(str(request.model), strongly_typed=flagged)()
        tensors = _count_types(network)
        if typing == "strong":
            _require_low_precision(request.model, tensors)
        marks = edit(network, module, request, typing, notes.append)
        calibrator, batches = calibration(module, network, request)
        config = _config(request, module, can, typing, progress, calibrator)(builder, network)
        engine = bytes(EngineBytesFromNetwork((builder, network, parser), lambda builder, network: config)())
        if batches is not None:
            batches.calibrated()
        if request.settings.timing_cache is not None and can.timing_cache:
            timing.keep(config, request.settings.timing_cache)
    destination.write_bytes(engine)
    seconds = time.perf_counter() - started
    uninspected = _inspect(module, get_trt_logger(), engine, destination.with_name(LAYERS))
    found = {name: value for name in MACHINE if (value := fact(name)) is not None}
    return EngineBuild(
        flavour, can.version, seconds, len(engine), tensors, typing, found, uninspected, marks, tuple(notes)
    )


def _config(
    request: EngineRequest, module: Any, can: Capabilities, typing: Typing, progress: Progress, calibrator: Any
) -> Any:
    """What makes the builder's configuration. TF32 is off unless asked for, which ``CreateConfigRTX`` cannot do."""
    from polygraphy.backend.trt import CreateConfig

    settings = request.settings
    create = CreateConfig(
        tf32=settings.tf32,
        calibrator=calibrator,
        profiles=[SampledProfile(request.bounds)],
        load_timing_cache=timing.opened(settings.timing_cache) if can.timing_cache else None,
        memory_pool_limits=settings.workspace and {module.MemoryPoolType.WORKSPACE: settings.workspace},
        builder_optimization_level=settings.level,
        profiling_verbosity=module.ProfilingVerbosity.DETAILED,
        progress_monitor=make_monitor(module, progress) if can.progress else None,
        **(_weak_flags(request) if typing == "weak" else {}),
    )

    def configured(builder: Any, network: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Polygraphy sets a timing cache, RTX deprecates it
            config = create(builder, network)
        if settings.strict_nans:
            config.set_flag(module.BuilderFlag.STRICT_NANS)
        return config

    return configured


def _weak_flags(request: EngineRequest) -> dict[str, Any]:
    """What a weakly typed build is allowed: the precisions of the plan, and no others where the plan names them."""
    plan = request.plan
    used = set() if plan is None else {plan.default, *plan.nodes.values()} - {FP32}
    return {"precision_constraints": "obey", **dict.fromkeys(sorted(used), True)}


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


def _inspect(module: Any, logger: Any, engine: bytes, destination: Path) -> str:
    """Write what the inspector says of the layers of ``engine``; why it was not asked, empty where it was."""
    if fact("gpu") is None:
        return "an engine is loaded, and its layers read, on a GPU only"
    loaded = module.Runtime(logger).deserialize_cuda_engine(engine)
    if loaded is None:
        return "the engine cannot be loaded on the GPU here"
    inspector = loaded.create_engine_inspector()
    text = inspector.get_engine_information(module.LayerInformationFormat.JSON)
    destination.write_text(text, encoding="utf-8")
    return ""


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

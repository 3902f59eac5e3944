"""Build engines with TensorRT or TensorRT-RTX through Polygraphy's loaders, strongly typed, TF32 off."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from trtflow.errors import BackendError
from trtflow.precision import LOW, ROWS

Backend = Literal["tensorrt", "tensorrt-rtx"]
_MODULES: Mapping[Backend, str] = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}


@dataclass(frozen=True)
class ShapeRange:
    """The smallest, the typical and the largest shape of an input with free dimensions."""

    low: tuple[int, ...]
    typical: tuple[int, ...]
    high: tuple[int, ...]


@dataclass(frozen=True)
class EngineBuild:
    """What was built: backend and version, time in seconds, size in bytes, network tensors by type."""

    backend: Backend
    version: str
    seconds: float
    bytes: int
    tensors: Mapping[str, int]


def find_backend() -> tuple[Backend | None, str]:
    """The backend that can build here, TensorRT before TensorRT-RTX, else None and the reason."""
    missing = []
    for backend, module in _MODULES.items():
        reason = _why_not(backend, module)
        if not reason:
            return backend, ""
        missing.append(reason)
    return None, "; ".join(missing) + "; pip install 'trtflow[rtx]' builds on any Linux x86-64 machine"


def _why_not(backend: Backend, module: str) -> str:
    if importlib.util.find_spec(module) is None:
        return f"{module} is not installed"
    if backend == "tensorrt" and shutil.which("nvidia-smi") is None:
        return "tensorrt needs a GPU to build and there is none"
    try:
        importlib.import_module(module)
    except Exception as error:  # a stub wheel or a missing library fails in ways of its own
        return f"{module} cannot be imported ({error})"
    return ""


def build_engine(backend: Backend, model: Path, shapes: Mapping[str, ShapeRange], destination: Path) -> EngineBuild:
    """Build ``model`` as it is typed and write the engine to ``destination``.

    Run it in a process of its own: the backend is chosen once per process, and a builder may crash.

    Raises:
        BackendError: the model is not parsed or built, or the network ignores the model's low precision.
    """
    from polygraphy import config as polygraphy_config

    polygraphy_config.USE_TENSORRT_RTX = backend == "tensorrt-rtx"  # read when polygraphy.backend.trt is imported
    from polygraphy.backend.trt import CreateConfig, EngineBytesFromNetwork, NetworkFromOnnxPath, Profile
    from polygraphy.exception import PolygraphyException

    profile = Profile()
    for name, shape in shapes.items():
        profile.add(name, shape.low, shape.typical, shape.high)
    started = time.perf_counter()
    try:
        builder, network, parser = NetworkFromOnnxPath(str(model), strongly_typed=True)()
        tensors = _count_types(network)
        _require_low_precision(model, tensors)
        config = CreateConfig(profiles=[profile])  # leaves TF32 off, which CreateConfigRTX does not
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Polygraphy sets a timing cache, RTX deprecates it
            engine = bytes(EngineBytesFromNetwork((builder, network, parser), config)())
    except PolygraphyException as error:
        raise BackendError(
            f"{backend} does not build {model.name}: {error}. Its own messages are in the log."
        ) from error
    destination.write_bytes(engine)
    seconds = time.perf_counter() - started
    version = str(importlib.import_module(_MODULES[backend]).__version__)
    return EngineBuild(backend, version, seconds, len(engine), tensors)


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
        raise BackendError(
            f"{model.name} asks for {', '.join(ignored)}, but the parsed network has none: {dict(tensors)}."
        )


def shape_ranges(feeds: Sequence[Mapping[str, tuple[int, ...]]]) -> dict[str, ShapeRange]:
    """Per input the range of shapes seen in ``feeds``; the typical one is the first."""
    return {
        name: ShapeRange(
            tuple(map(min, zip(*(feed[name] for feed in feeds), strict=True))),
            feeds[0][name],
            tuple(map(max, zip(*(feed[name] for feed in feeds), strict=True))),
        )
        for name in feeds[0]
    }

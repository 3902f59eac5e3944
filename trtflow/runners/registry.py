"""All backends by name. A new one is a module of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from trtflow.errors import BackendError
from trtflow.runners.backend import Backend, Runner, ShapeRange
from trtflow.runners.cpu import Emulated, OnnxRuntime
from trtflow.runners.cuda import Cuda
from trtflow.runners.tensorrt import TensorRt

if TYPE_CHECKING:
    from onnx import ModelProto

Execute = Callable[["ModelProto"], Runner]

BACKENDS: Mapping[str, Backend] = {
    "onnxruntime": OnnxRuntime(),
    "emulated": Emulated(),
    "cuda": Cuda(),
    "tensorrt": TensorRt("tensorrt", "tensorrt", needs_gpu=True),
    "tensorrt-rtx": TensorRt("tensorrt-rtx", "tensorrt_rtx", needs_gpu=False),
}
ENGINES: tuple[str, ...] = tuple(name for name, backend in BACKENDS.items() if backend.is_engine)
BUILDERS: tuple[str, ...] = tuple(name for name, backend in BACKENDS.items() if backend.builds)


def find_backend() -> tuple[str | None, str]:
    """The backend that can build here, TensorRT before TensorRT-RTX, else None and the reason."""
    missing = {name: BACKENDS[name].why_not() for name in BUILDERS}
    found = next((name for name, reason in missing.items() if not reason), None)
    if found is not None:
        return found, ""
    return None, "; ".join(missing.values()) + "; pip install 'trtflow[rtx]' builds on any Linux x86-64 machine"


def executor(name: str, shapes: Mapping[str, ShapeRange]) -> Execute:
    """What turns a typed model into a runner on ``name``; ``shapes`` bound an engine's inputs.

    Raises:
        BackendError: the backend is not to be had here.
    """
    backend = BACKENDS[name]
    reason = backend.why_not()
    if reason:
        raise BackendError(f"'{name}' cannot run here: {reason}.")
    return lambda model: backend.start(model, shapes)

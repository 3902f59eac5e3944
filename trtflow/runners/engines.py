"""Execute a rewritten file on real kernels: ONNX Runtime's CUDA provider, TensorRT, TensorRT-RTX."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from onnx import ModelProto
from polygraphy.backend.onnxrt import OnnxrtRunner

from trtflow.errors import BackendError
from trtflow.model.load import save
from trtflow.model.session import open_session
from trtflow.runners.build import Backend, ShapeRange, build_engine
from trtflow.runners.reference import ReferenceRunner

EngineName = Literal["cuda", "tensorrt", "tensorrt-rtx"]
Execute = Callable[[ModelProto], ReferenceRunner]


def executor(name: EngineName, shapes: Mapping[str, ShapeRange]) -> Execute:
    """What turns a typed model into a runner on ``name``; ``shapes`` bound a TensorRT engine's inputs.

    Raises:
        BackendError: the backend is not to be had here.
    """
    if name == "cuda":
        return _cuda()
    return lambda model: EngineRunner(name, model, shapes)


def _cuda() -> Execute:
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise BackendError(
            "the engine 'cuda' needs ONNX Runtime's CUDA provider, but the installed onnxruntime offers "
            f"{', '.join(onnxruntime.get_available_providers())}: install onnxruntime-gpu on a machine with a GPU."
        )
    return CudaRunner


class CudaRunner(ReferenceRunner):
    """Executes a model as it is typed on ONNX Runtime's CUDA provider, with TF32 off."""

    def __init__(self, model: ModelProto) -> None:
        OnnxrtRunner.__init__(self, lambda: _cuda_session(model), name="cuda")


def _cuda_session(model: ModelProto) -> Any:
    import onnxruntime

    providers = [("CUDAExecutionProvider", {"use_tf32": "0"}), "CPUExecutionProvider"]
    session = open_session(model, onnxruntime.SessionOptions(), providers)
    if session.get_providers()[0] != "CUDAExecutionProvider":
        raise BackendError("ONNX Runtime's CUDA provider did not start, and its CPU provider hides FP16.")
    return session


class EngineRunner(ReferenceRunner):
    """Executes an engine that TensorRT or TensorRT-RTX builds from a typed model; needs a GPU to run."""

    def __init__(self, backend: Backend, model: ModelProto, shapes: Mapping[str, ShapeRange]) -> None:
        super().__init__(model, name=backend)
        self._backend, self._model, self._shapes = backend, model, shapes
        self._engine: Any = None

    def __enter__(self) -> EngineRunner:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            save(self._model, path)
            build_engine(self._backend, path, self._shapes, path.with_suffix(".plan"))
            plan = path.with_suffix(".plan").read_bytes()
        from polygraphy.backend.trt import EngineFromBytes, TrtRunner

        self._engine = TrtRunner(EngineFromBytes(plan), name=self._backend)
        self._engine.activate()
        return self

    def __exit__(self, *raised: object) -> None:
        self._engine.deactivate()

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs for ``feed``."""
        return dict(self._engine.infer(feed, check_inputs=False))

"""ONNX Runtime sessions and the FP32 reference runner."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx import ModelProto
from polygraphy.backend.onnxrt import OnnxrtRunner

from trtflow.data import Input
from trtflow.errors import ModelError

_PROTOBUF_LIMIT = 2**31 - 2**20  # a message must stay below 2 GiB; leave room for the envelope


def create_session(
    model: ModelProto, *, many: bool = False, keep_layout: bool = False
) -> onnxruntime.InferenceSession:
    """A CPU session of ``model``, which may exceed protobuf's 2 GiB.

    ``many``: one of many that run in turn. They share their working memory, and their threads sleep between runs
    instead of keeping the other sessions from the cores. ``keep_layout``: tensors keep the layout in which they are
    returned; else convolutions may run in another, which rounds differently.

    Raises:
        ModelError: ONNX Runtime refuses the model.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if keep_layout:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    if many:
        _share_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.execution_order = onnxruntime.ExecutionOrder.PRIORITY_BASED  # what frees memory comes first
    try:
        if model.ByteSize() < _PROTOBUF_LIMIT:
            return _session(model.SerializeToString(), options)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            onnx.save(model, path, save_as_external_data=True)
            return _session(str(path), options)
    except Exception as error:  # ONNX Runtime raises a dozen classes without a common base
        raise ModelError(f"ONNX Runtime refuses the model: {error}") from error


@functools.cache
def _share_memory() -> None:
    """Give the process an arena that the sessions use which ask for it."""
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    place = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    onnxruntime.create_and_register_allocator(place, None)


def _session(source: bytes | str, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def model_inputs(model: ModelProto) -> tuple[Input, ...]:
    """What the network must be fed; weights that are listed among its inputs are left out."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return tuple(tensor_input(value) for value in model.graph.input if value.name not in weights)


def tensor_input(value: onnx.ValueInfoProto) -> Input:
    """Name, dtype and shape of one declared tensor."""
    tensor = value.type.tensor_type
    shape = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
    return Input(value.name, onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type), shape)


def mark_outputs(model: ModelProto, tensors: Iterable[str]) -> ModelProto:
    """A copy of ``model`` that also returns ``tensors``, without their types, which ONNX Runtime infers."""
    marked = ModelProto()
    marked.CopyFrom(model)
    present = {value.name for value in marked.graph.output}
    marked.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors if name not in present)
    return marked


class ReferenceRunner(OnnxrtRunner):  # type: ignore[misc]
    """A model in ONNX Runtime: by default the FP32 reference, on the CPU provider, which has no TF32.

    ``session`` makes the session when the runner is entered.
    """

    def __init__(
        self,
        model: ModelProto,
        name: str = "onnxruntime-fp32",
        session: Callable[[ModelProto], Any] = create_session,
    ) -> None:
        super().__init__(lambda: session(model), name=name)

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs for ``feed``."""
        return dict(self.infer(feed, check_inputs=False))

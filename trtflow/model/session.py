"""ONNX Runtime sessions, all of them made here, without the optimisers that change results."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from trtflow.doing import doing
from trtflow.errors import ModelError
from trtflow.model.edit import clone
from trtflow.model.libraries import operator_libraries
from trtflow.model.mapped import MappedWeights, root, weight_bytes
from trtflow.model.numpy_types import in_numpy_types
from trtflow.model.optimisers import SETTINGS, forbidden

_MAPPED = 1 << 24  # bytes of weights of which a session holds no copies
_PROTOBUF_LIMIT = 2**31 - 2**20  # a message must stay below 2 GiB; leave room for the envelope


def create_session(
    model: onnx.ModelProto, *, many: bool = False, keep_layout: bool = False
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
    return open_session(model, options, ["CPUExecutionProvider"])


@functools.cache
def _share_memory() -> None:
    """Give the process an arena that the sessions use which ask for it."""
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    place = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    onnxruntime.create_and_register_allocator(place, None)


def open_session(
    model: onnx.ModelProto, options: onnxruntime.SessionOptions, providers: Sequence[Any]
) -> onnxruntime.InferenceSession:
    """A session of ``model`` on ``providers``, in ONNX Runtime's own terms; through files where it must.

    Optimisers that change results do not run, whatever ``options`` say. Inputs and outputs of types that numpy lacks
    are FP32. Large weights are mapped: ONNX Runtime would hold three copies of them for a while.

    Raises:
        ModelError: ONNX Runtime refuses the model.
    """
    model = in_numpy_types(model)
    for setting, value in SETTINGS.items():
        options.add_session_config_entry(setting, value)
    more = {"providers": providers, "disabled_optimizers": forbidden(model)}
    try:
        with doing(_making(model, options)):
            return _open(model, options, more)
    except Exception as error:  # ONNX Runtime raises a dozen classes without a common base
        raise ModelError(f"ONNX Runtime refuses the model: {error}") from error


def _open(model: onnx.ModelProto, options: onnxruntime.SessionOptions, more: Any) -> onnxruntime.InferenceSession:
    for library in operator_libraries():
        options.register_custom_ops_library(str(library))
    with MappedWeights() as mapped:
        light = mapped.light(model) if weight_bytes(model) > _MAPPED else model
        if light.ByteSize() < _PROTOBUF_LIMIT:
            options.add_session_config_entry("session.model_external_initializers_file_folder_path", root())
            return onnxruntime.InferenceSession(light.SerializeToString(), options, **more)
    with tempfile.TemporaryDirectory() as folder:  # weights in bodies, or as attributes
        path = Path(folder) / "model.onnx"
        onnx.save(clone(model), path, save_as_external_data=True)  # which takes the weights out of its argument
        return onnxruntime.InferenceSession(str(path), options, **more)


def _making(model: onnx.ModelProto, options: onnxruntime.SessionOptions) -> str:
    level = options.graph_optimization_level.name
    nodes = len(model.graph.node)
    return f"making a session of {nodes} nodes at level {level} in ONNX Runtime {onnxruntime.__version__}"

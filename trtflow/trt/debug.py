"""Debug tensors: what an engine computes inside, copied to the host while it runs.

Polygraphy's listener drops BF16 and FP8, for which NumPy has no types; here all floats come as FP32.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from trtflow.data import Array
from trtflow.errors import BackendError
from trtflow.precision import FP8, ROWS, Precision
from trtflow.trt.inspector import EngineLayer
from trtflow.trt.marking import FLOATS

Copy = Callable[[int, int, bool, int], bytes]
"""Bytes from an address: how many, whether it is the host's, and the stream that writes there."""

READ: Mapping[str, Precision] = {**FLOATS, ROWS[FP8].names.network.upper(): FP8}
"""TensorRT's name of a type → precision, of debug tensors that can be read."""


def copy_from_gpu(address: int, size: int, on_host: bool, stream: int) -> bytes:
    """Through Polygraphy's CUDA wrapper, once ``stream`` has got there."""
    from polygraphy import cuda

    runtime = cuda.wrapper()
    runtime.stream_synchronize(stream)
    if on_host:
        return ctypes.string_at(address, size)
    buffer = np.empty(size, np.uint8)
    runtime.memcpy(
        dst=buffer.ctypes.data, src=address, nbytes=size, kind=cuda.MemcpyKind.DeviceToHost, stream_ptr=stream
    )
    runtime.stream_synchronize(stream)
    return buffer.tobytes()


def debug_listener(module: Any, copy: Copy = copy_from_gpu) -> Any:
    """An ``IDebugListener`` of ``module`` that keeps tensors; see ``DebugTensors`` for what it offers."""
    bases: tuple[type, ...] = (DebugTensors, module.IDebugListener)

    def start(self: Any) -> None:
        module.IDebugListener.__init__(self)
        DebugTensors.__init__(self, copy)

    return type("DebugListener", bases, {"__init__": start})()


class DebugTensors:
    """``tensors`` of the last run in FP32, by the engine's names; ``unread`` are others, with their types.

    TensorRT swallows what a listener raises, so a ``failure`` is kept for ``take``.
    """

    def __init__(self, copy: Copy) -> None:
        self.tensors: dict[str, Array] = {}
        self.unread: dict[str, str] = {}
        self.failure: Exception | None = None
        self._copy = copy

    def process_debug_tensor(
        self,
        addr: int,
        location: Any,
        type: Any,  # noqa: A002 - TensorRT's name
        shape: Any,
        name: str,
        stream: int,
    ) -> None:
        """TensorRT calls this for each tensor."""
        if type.name not in READ:
            self.unread[name] = str(type.name)
            return
        try:
            dtype = ROWS[READ[type.name]].dtype
            count = prod(shape)
            raw = self._copy(addr, count * dtype.itemsize, location.name == "HOST", stream)
            self.tensors[name] = np.frombuffer(raw, dtype, count).reshape(tuple(shape)).astype(np.float32)
        except Exception as error:  # of CUDA, through Polygraphy, whatever it is
            self.failure = self.failure or error

    def take(self) -> dict[str, Array]:
        """What the run that has ended left, which is forgotten here.

        Raises:
            BackendError: a tensor could not be copied.
        """
        failure, found = self.failure, self.tensors
        self.failure, self.tensors = None, {}
        if failure is not None:
            raise BackendError(
                f"a debug tensor could not be copied from the GPU ({failure}); expected all: `capture: outputs` "
                "needs no listener."
            ) from failure
        return found


def onnx_names(
    layers: Sequence[EngineLayer], written: Mapping[str, Sequence[str]], read: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """The engine's name of a tensor → the tensor of the ONNX file that it is, where that is beyond doubt.

    ``written``, ``read``: the tensors that each node of the file writes and reads. A layer's only output is the only
    tensor of its nodes that others read, or nobody; what passes between layers of one node has no ONNX name.
    """
    readers: dict[str, set[str]] = {}
    for node, names in read.items():
        for name in names:
            readers.setdefault(name, set()).add(node)
    computing = [layer for layer in layers if not layer.copies]
    found: dict[str, str] = {}
    for layer in computing:
        leaving = [name for node in layer.nodes for name in written.get(node, ()) if _leaves(name, layer, readers)]
        for tensor in layer.outputs:
            if tensor.name in leaving:
                found[tensor.name] = tensor.name
            elif len(leaving) == len(layer.outputs) == 1 and not _is_between(tensor.name, layer, computing):
                found[tensor.name] = leaving[0]
    return _unambiguous(found)


def _leaves(name: str, layer: EngineLayer, readers: Mapping[str, set[str]]) -> bool:
    """Whether anyone outside of ``layer`` reads ``name``; an output of the network has no reader, perhaps."""
    by = readers.get(name, set())
    return not by or not by <= {*layer.nodes}


def _is_between(name: str, layer: EngineLayer, layers: Iterable[EngineLayer]) -> bool:
    """Whether another layer of the same node goes on with ``name``."""
    going_on = [other for other in layers if any(tensor.name == name for tensor in other.inputs)]
    return any(other is not layer and not {*layer.nodes}.isdisjoint(other.nodes) for other in going_on)


def _unambiguous(found: Mapping[str, str]) -> dict[str, str]:
    """``found`` without tensors that two engine tensors claim, but for one of the very name."""
    claims: dict[str, list[str]] = {}
    for engine, tensor in found.items():
        claims.setdefault(tensor, []).append(engine)
    return {engine: tensor for engine, tensor in found.items() if engine == tensor or claims[tensor] == [engine]}

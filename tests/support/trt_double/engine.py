"""The engine double: runtime, engine, execution context."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

from trt_double.calibration import numpy_type, read_array
from trt_double.classes import Stored
from trt_double.plan import EnginePlan, Port, deserialize
from trt_double.small import host_memory, say
from trtflow.model.selection import tapped
from trtflow.model.session import create_session

ALIGNMENT = 256
CHUNK = 1 << 20  # bytes that a stream is asked for at a time


class Runtime:
    """Reads engines."""

    error_recorder = Stored()
    gpu_allocator = Stored()
    max_threads = Stored(1)
    engine_host_code_allowed = Stored(False)
    DLA_core = Stored(-1)
    temporary_directory = Stored("")
    tempfile_control_flags = Stored(0)

    def _begin(self, logger: Any) -> None:
        self._logger = logger

    def __bool__(self) -> bool:
        return True

    @property
    def logger(self) -> Any:
        """See TensorRT."""
        return self._logger

    def get_plugin_registry(self) -> Any:
        """See TensorRT."""
        return self._api.new("IPluginRegistry")  # type: ignore[attr-defined]

    def deserialize_cuda_engine(self, engine: Any) -> Any:
        """See TensorRT; None for what is no engine of this version."""
        api: Any = self._api  # type: ignore[attr-defined]
        content = bytes(engine) if not hasattr(engine, "read") else _read_all(engine)
        try:
            plan, executed = deserialize(content)
        except ValueError as error:
            say(self._logger, "ERROR", f"Error Code 1: {error}")
            return None
        if plan.version != api.listing.version:
            say(
                self._logger, "ERROR", f"Error Code 6: the engine is of {plan.version}, this is {api.listing.version}"
            )
            return None
        return api.new("ICudaEngine", content, plan, executed)


class ICudaEngine:
    """What was built."""

    error_recorder = Stored()
    weight_streaming_budget = Stored(0)
    weight_streaming_budget_v2 = Stored(0)

    def _begin(self, content: bytes, plan: EnginePlan, executed: onnx.ModelProto) -> None:
        self._content, self._plan, self._executed = content, plan, executed
        self._ports: dict[str, Port] = {port.name: port for port in (*plan.inputs, *plan.outputs)}

    def __bool__(self) -> bool:
        return True

    def serialize(self) -> Any:
        """See TensorRT."""
        return host_memory(self._api, self._content)  # type: ignore[attr-defined]

    @property
    def name(self) -> str:
        """See TensorRT."""
        return "Unnamed Network 0"

    @property
    def num_io_tensors(self) -> int:
        """See TensorRT."""
        return len(self._ports)

    @property
    def num_bindings(self) -> int:
        """See TensorRT."""
        return len(self._ports)

    @property
    def num_layers(self) -> int:
        """See TensorRT."""
        return len(self._plan.layers)

    @property
    def num_optimization_profiles(self) -> int:
        """See TensorRT."""
        return max(len(self._plan.profiles), 1)

    @property
    def device_memory_size(self) -> int:
        """See TensorRT."""
        return 0

    @property
    def device_memory_size_v2(self) -> int:
        """See TensorRT."""
        return 0

    @property
    def streamable_weights_size(self) -> int:
        """See TensorRT."""
        return 0

    @property
    def has_implicit_batch_dimension(self) -> bool:
        """See TensorRT."""
        return False

    @property
    def refittable(self) -> bool:
        """See TensorRT."""
        return False

    @property
    def profiling_verbosity(self) -> Any:
        """See TensorRT."""
        return getattr(self._api["ProfilingVerbosity"], self._plan.verbosity)  # type: ignore[attr-defined]

    def get_tensor_name(self, index: int) -> str:
        """See TensorRT."""
        return list(self._ports)[index]

    def __getitem__(self, index: Any) -> Any:
        names = list(self._ports)
        return names.index(index) if isinstance(index, str) else names[index]

    def __len__(self) -> int:
        return len(self._ports)

    def get_binding_name(self, index: int) -> str:
        """See TensorRT."""
        return list(self._ports)[index]

    def get_binding_index(self, name: str) -> int:
        """See TensorRT."""
        return list(self._ports).index(name) if name in self._ports else -1

    def binding_is_input(self, which: Any) -> bool:
        """See TensorRT."""
        return (which if isinstance(which, str) else list(self._ports)[which]) in {p.name for p in self._plan.inputs}

    def get_tensor_mode(self, name: str) -> Any:
        """See TensorRT."""
        modes = self._api["TensorIOMode"]  # type: ignore[attr-defined]
        if name not in self._ports:
            return modes.NONE
        return modes.INPUT if any(port.name == name for port in self._plan.inputs) else modes.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        """See TensorRT."""
        return getattr(self._api["DataType"], self._ports[name].dtype)  # type: ignore[attr-defined]

    def get_tensor_shape(self, name: str) -> Any:
        """See TensorRT."""
        return self._api["Dims"](self._ports[name].shape)  # type: ignore[attr-defined]

    def get_tensor_format(self, name: str, profile: int = 0) -> Any:
        """See TensorRT."""
        return self._api["TensorFormat"].LINEAR  # type: ignore[attr-defined]

    def get_tensor_location(self, name: str) -> Any:
        """See TensorRT."""
        return self._api["TensorLocation"].DEVICE  # type: ignore[attr-defined]

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[Any]:
        """See TensorRT."""
        bounds = self._plan.profiles[profile].get(name, [list(self._ports[name].shape)] * 3)
        return [self._api["Dims"](bound) for bound in bounds]  # type: ignore[attr-defined]

    def is_shape_inference_io(self, name: str) -> bool:
        """See TensorRT."""
        return False

    def is_debug_tensor(self, name: str) -> bool:
        """See TensorRT."""
        return any(port.name == name for port in self._plan.debug)

    def get_aliased_input_tensor(self, name: str) -> Any:
        """See TensorRT."""
        return None

    def create_execution_context(self, strategy: Any = None) -> Any:
        """See TensorRT."""
        return self._api.new("IExecutionContext", self)  # type: ignore[attr-defined]

    def create_engine_inspector(self) -> Any:
        """See TensorRT."""
        return self._api.new("EngineInspector", self)  # type: ignore[attr-defined]


class IExecutionContext:
    """Runs an engine on the host's memory."""

    name = Stored("")
    profiler = Stored()
    error_recorder = Stored()
    debug_sync = Stored(False)
    enqueue_emits_profile = Stored(True)
    temporary_allocator = Stored()
    unfused_tensors_debug_state = Stored(False)

    def _begin(self, engine: Any) -> None:
        self._engine, self._profile = engine, 0
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}
        self._allocators: dict[str, Any] = {}
        self._listener: Any = None
        self._debugged: set[str] = set()
        self._session: Any = None

    def __bool__(self) -> bool:
        return True

    @property
    def engine(self) -> Any:
        """See TensorRT."""
        return self._engine

    @property
    def active_optimization_profile(self) -> int:
        """See TensorRT."""
        return self._profile

    @active_optimization_profile.setter
    def active_optimization_profile(self, index: int) -> None:
        self._profile = index

    def set_optimization_profile_async(self, index: int, stream: int) -> bool:
        """See TensorRT."""
        self._profile = int(index)
        return True

    def set_input_shape(self, name: str, shape: Any) -> bool:
        """See TensorRT; False for a shape that the profile does not have."""
        bounds = self._engine._plan.profiles[self._profile].get(name) if self._engine._plan.profiles else None
        fixed = self._engine._ports[name].shape
        low, _, high = bounds or (fixed, fixed, fixed)
        inside = len(shape) == len(low) and all(a <= s <= b for a, s, b in zip(low, shape, high, strict=True))
        if inside:
            self._shapes[name] = tuple(shape)
        return inside

    def set_binding_shape(self, index: int, shape: Any) -> bool:
        """See TensorRT."""
        return self.set_input_shape(list(self._engine._ports)[index], shape)

    def get_tensor_shape(self, name: str) -> Any:
        """See TensorRT."""
        return self._api["Dims"](self._shapes.get(name, self._engine._ports[name].shape))  # type: ignore[attr-defined]

    def infer_shapes(self) -> list[str]:
        """See TensorRT: inputs of which something is missing."""
        return [p.name for p in self._engine._plan.inputs if -1 in p.shape and p.name not in self._shapes]

    def set_tensor_address(self, name: str, address: int) -> bool:
        """See TensorRT."""
        self._addresses[name] = int(address)
        return name in self._engine._ports

    def get_tensor_address(self, name: str) -> int:
        """See TensorRT."""
        return self._addresses.get(name, 0)

    def set_output_allocator(self, name: str, allocator: Any) -> bool:
        """See TensorRT."""
        self._allocators[name] = allocator
        return name in self._engine._ports

    def get_output_allocator(self, name: str) -> Any:
        """See TensorRT."""
        return self._allocators.get(name)

    def set_debug_listener(self, listener: Any) -> bool:
        """See TensorRT."""
        self._listener = listener
        return True

    def get_debug_listener(self) -> Any:
        """See TensorRT."""
        return self._listener

    def set_tensor_debug_state(self, name: str, flag: bool) -> bool:
        """See TensorRT."""
        (self._debugged.add if flag else self._debugged.discard)(name)
        return self._engine.is_debug_tensor(name)

    def set_all_tensors_debug_state(self, flag: bool) -> bool:
        """See TensorRT; unfused tensors have a state of their own."""
        self._debugged = {port.name for port in self._engine._plan.debug} if flag else set()
        return True

    def get_debug_state(self, name: str) -> bool:
        """See TensorRT."""
        return name in self._debugged

    def execute_v2(self, bindings: Any) -> bool:
        """See TensorRT."""
        self._addresses.update(zip(self._engine._ports, map(int, bindings), strict=True))
        return self.execute_async_v3(0)

    def execute_async_v2(self, bindings: Any, stream: int, consumed: Any = None) -> bool:
        """See TensorRT."""
        return self.execute_v2(bindings)

    def execute_async_v3(self, stream: int) -> bool:
        """See TensorRT."""
        missing = [
            *self.infer_shapes(),
            *(p.name for p in self._engine._plan.inputs if p.name not in self._addresses),
        ]
        if missing:
            return False
        made = self._run({port.onnx: self._input(port) for port in self._engine._plan.inputs})
        for port in self._debug_ports():
            self._tell(port, _typed(made[port.onnx], port.dtype), int(stream))
        for port in self._engine._plan.outputs:
            self._deliver(port, _typed(made[port.onnx], port.dtype))
        return True

    def _input(self, port: Port) -> Any:
        return read_array(self._addresses[port.name], self._shapes.get(port.name, port.shape), port.dtype)

    def _run(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        plan: EnginePlan = self._engine._plan
        if self._session is None:
            taps = dict.fromkeys(port.onnx for port in (*plan.outputs, *plan.debug, *plan.unfused))
            outputs = {value.name for value in self._engine._executed.graph.output}
            given = {port.onnx for port in plan.inputs}
            inside = tuple(name for name in taps if name not in outputs | given)
            self._session = create_session(tapped(self._engine._executed, inside))
        names = [value.name for value in self._session.get_outputs()]
        fed = {
            name: array.astype("f4") if array.dtype == numpy_type("BF16") else array for name, array in feed.items()
        }
        return {**feed, **dict(zip(names, self._session.run(None, fed), strict=True))}

    def _debug_ports(self) -> list[Port]:
        if self._listener is None:
            return []
        marked = [port for port in self._engine._plan.debug if port.name in self._debugged]
        unfused = self._engine._plan.unfused if vars(self).get("_stored_unfused_tensors_debug_state") else ()
        return [*marked, *unfused]

    def _tell(self, port: Port, array: Any, stream: int) -> None:
        api: Any = self._api  # type: ignore[attr-defined]
        kind, place = getattr(api["DataType"], port.dtype), api["TensorLocation"].DEVICE
        self._listener.process_debug_tensor(
            array.ctypes.data, place, kind, api["Dims"](array.shape), port.name, stream
        )

    def _deliver(self, port: Port, array: Any) -> None:
        allocator = self._allocators.get(port.name)
        address = self._addresses.get(port.name, 0)
        if allocator is not None:
            if hasattr(allocator, "reallocate_output_async") and self._api.major >= 10:  # type: ignore[attr-defined]
                told = (port.name, address, array.nbytes, ALIGNMENT, 0)
                address = allocator.reallocate_output_async(*told)
            else:
                address = allocator.reallocate_output(port.name, address, array.nbytes, ALIGNMENT)
            allocator.notify_shape(port.name, self._api["Dims"](array.shape))  # type: ignore[attr-defined]
        ctypes.memmove(address, array.ctypes.data, array.nbytes)


def _typed(array: Any, dtype: str) -> Any:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(np.asarray(array).astype(numpy_type(dtype))).reshape(np.shape(array))


def _read_all(reader: Any) -> bytes:
    chunks = [reader.read(CHUNK)]
    while len(chunks[-1]) == CHUNK:
        chunks.append(reader.read(CHUNK))
    return b"".join(chunks)

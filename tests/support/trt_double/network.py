"""The network double: tensors and layers that know the ONNX node which they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TensorProto

from trt_double.classes import Stored
from trt_double.small import say
from trt_double.touched import note

TYPES = {
    TensorProto.FLOAT: "FLOAT",
    TensorProto.DOUBLE: "FLOAT",
    TensorProto.FLOAT16: "HALF",
    TensorProto.BFLOAT16: "BF16",
    TensorProto.FLOAT8E4M3FN: "FP8",
    TensorProto.INT8: "INT8",
    TensorProto.UINT8: "UINT8",
    TensorProto.INT32: "INT32",
    TensorProto.INT64: "INT64",
    TensorProto.BOOL: "BOOL",
}
"""``TensorProto.DataType`` → ``DataType``."""
FLOATS = ("FLOAT", "HALF", "BF16")


class ITensor:
    """A tensor; ``_onnx`` is its name in the file, None for those that the parser made up."""

    allowed_formats = Stored(1)
    location = Stored()
    broadcast_across_batch = Stored(False)

    def _begin(self, network: Any, name: str, dtype: str, shape: Sequence[int], onnx_name: str | None) -> None:
        self._network, self._name, self._dtype, self._shape, self._onnx = network, name, dtype, shape, onnx_name
        self._range: tuple[float, float] | None = None
        self._is_shape = False

    @property
    def name(self) -> str:
        """See TensorRT."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    @property
    def dtype(self) -> Any:
        """See TensorRT."""
        return getattr(self._api["DataType"], self._dtype)  # type: ignore[attr-defined]

    @dtype.setter
    def dtype(self, value: Any) -> None:
        if self._network._strong:
            note("ITensor.dtype set in a strongly typed network")
        else:
            self._dtype = value.name

    @property
    def shape(self) -> Any:
        """See TensorRT."""
        return self._api["Dims"](self._shape)  # type: ignore[attr-defined]

    @shape.setter
    def shape(self, value: Any) -> None:
        self._shape = tuple(value)

    @property
    def is_network_input(self) -> bool:
        """See TensorRT."""
        return any(self is tensor for tensor in self._network._inputs)

    @property
    def is_network_output(self) -> bool:
        """See TensorRT."""
        return any(self is tensor for tensor in self._network._outputs)

    @property
    def is_shape_tensor(self) -> bool:
        """See TensorRT."""
        return self._is_shape

    @property
    def is_execution_tensor(self) -> bool:
        """See TensorRT."""
        return not self._is_shape

    @property
    def dynamic_range(self) -> tuple[float, float] | None:
        """See TensorRT."""
        return self._range

    @dynamic_range.setter
    def dynamic_range(self, value: Any) -> None:
        low, high = value
        self.set_dynamic_range(float(low), float(high))

    def set_dynamic_range(self, low: float, high: float) -> bool:
        """See TensorRT."""
        self._range = (low, high)
        return True

    def reset_dynamic_range(self) -> None:
        """See TensorRT."""
        self._range = None


class ILayer:
    """A layer; ``_node`` is the ONNX node that it is made of, ``_reader`` the one that a helper is made for."""

    metadata = Stored("")
    num_ranks = Stored(1)

    def _begin(self, network: Any, name: str, kind: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        self._network, self._name, self._kind = network, name, kind
        self._inputs, self._outputs = list(inputs), list(outputs)
        self._node: str | None = None
        self._reader: str | None = None
        self._constant: str | None = None
        self._precision: str | None = None
        self._types: dict[int, str] = {}

    @property
    def name(self) -> str:
        """See TensorRT."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    @property
    def type(self) -> Any:
        """See TensorRT."""
        return getattr(self._api["LayerType"], self._kind)  # type: ignore[attr-defined]

    @property
    def num_inputs(self) -> int:
        """See TensorRT."""
        return len(self._inputs)

    @property
    def num_outputs(self) -> int:
        """See TensorRT."""
        return len(self._outputs)

    def get_input(self, index: int) -> Any:
        """See TensorRT."""
        return self._inputs[index] if 0 <= index < len(self._inputs) else None

    def get_output(self, index: int) -> Any:
        """See TensorRT."""
        return self._outputs[index] if 0 <= index < len(self._outputs) else None

    @property
    def precision(self) -> Any:
        """See TensorRT."""
        return getattr(self._api["DataType"], self._precision or "FLOAT")  # type: ignore[attr-defined]

    @precision.setter
    def precision(self, value: Any) -> None:
        if self._is_weak("ILayer.precision"):
            self._precision = value.name

    @property
    def precision_is_set(self) -> bool:
        """See TensorRT."""
        return self._precision is not None

    def reset_precision(self) -> None:
        """See TensorRT."""
        self._precision = None

    def set_output_type(self, index: int, dtype: Any) -> None:
        """See TensorRT."""
        if self._is_weak("ILayer.set_output_type"):
            self._types[int(index)] = dtype.name

    def output_type_is_set(self, index: int) -> bool:
        """See TensorRT."""
        return index in self._types

    def get_output_type(self, index: int) -> Any:
        """See TensorRT."""
        return getattr(self._api["DataType"], self._types.get(index, self._outputs[index]._dtype))  # type: ignore[attr-defined]

    def reset_output_type(self, index: int) -> None:
        """See TensorRT."""
        self._types.pop(index, None)

    def _is_weak(self, what: str) -> bool:
        """A strongly typed network logs an error, and goes on."""
        if self._network._strong:
            note(f"{what} in a strongly typed network")
            say(self._network._builder._logger, "ERROR", f"{what}: Error Code 3: the network is strongly typed")
        return not self._network._strong


class INetworkDefinition:
    """Layers in the order of the file; ``_model`` is the file with the parser's names of nodes."""

    name = Stored("Unnamed Network 0")
    error_recorder = Stored()

    def _begin(self, builder: Any, flags: int, strong: bool) -> None:
        self._builder, self._flags, self._strong = builder, flags, strong
        self._model: onnx.ModelProto | None = None
        self._layers: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._debug: list[Any] = []
        self._unfused = False

    def __len__(self) -> int:
        return len(self._layers)

    def __getitem__(self, index: int) -> Any:
        return self._layers[index]

    def __bool__(self) -> bool:
        return True

    @property
    def builder(self) -> Any:
        """See TensorRT."""
        return self._builder

    @property
    def flags(self) -> int:
        """See TensorRT."""
        return self._flags

    def get_flag(self, flag: Any) -> bool:
        """See TensorRT."""
        return bool(self._flags >> int(flag) & 1)

    @property
    def has_implicit_batch_dimension(self) -> bool:
        """See TensorRT."""
        return False

    @property
    def num_layers(self) -> int:
        """See TensorRT."""
        return len(self._layers)

    @property
    def num_inputs(self) -> int:
        """See TensorRT."""
        return len(self._inputs)

    @property
    def num_outputs(self) -> int:
        """See TensorRT."""
        return len(self._outputs)

    def get_layer(self, index: int) -> Any:
        """See TensorRT."""
        return self._layers[index]

    def get_input(self, index: int) -> Any:
        """See TensorRT."""
        return self._inputs[index]

    def get_output(self, index: int) -> Any:
        """See TensorRT."""
        return self._outputs[index]

    def add_cast(self, tensor: Any, to_type: Any) -> Any:
        """See TensorRT; what it makes is the file's tensor in another type."""
        api: Any = self._api  # type: ignore[attr-defined]
        called = f"(Unnamed Layer* {len(self._layers)}) [Cast]"
        made = api.new("ITensor", self, f"{called}_output", to_type.name, tensor._shape, tensor._onnx)
        self._layers.append(api.new("ICastLayer", self, called, "CAST", [tensor], [made]))
        return self._layers[-1]

    def mark_output(self, tensor: Any) -> None:
        """See TensorRT; what is an output already is refused."""
        if any(tensor is one for one in self._outputs):
            say(self._builder._logger, "ERROR", f"'{tensor._name}' is an output already")
        else:
            self._outputs.append(tensor)

    def unmark_output(self, tensor: Any) -> None:
        """See TensorRT."""
        self._outputs = [one for one in self._outputs if one is not tensor]

    def mark_debug(self, tensor: Any) -> bool:
        """See TensorRT."""
        self._debug.append(tensor)
        return True

    def unmark_debug(self, tensor: Any) -> bool:
        """See TensorRT."""
        self._debug = [one for one in self._debug if one is not tensor]
        return True

    def is_debug_tensor(self, tensor: Any) -> bool:
        """See TensorRT."""
        return any(tensor is one for one in self._debug)

    def mark_unfused_tensors_as_debug_tensors(self) -> bool:
        """See TensorRT."""
        self._unfused = True
        return True

    def unmark_unfused_tensors_as_debug_tensors(self) -> bool:
        """See TensorRT."""
        self._unfused = False
        return True

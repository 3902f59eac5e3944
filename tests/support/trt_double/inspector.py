"""The engine inspector: JSON in the three shapes that versions write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trt_double.behaviour import behaviour
from trt_double.classes import Stored
from trt_double.plan import EngineLayer, EnginePlan, Port

NAMES = {"FLOAT": "Float", "HALF": "Half", "BF16": "BFloat16", "INT8": "Int8", "INT32": "Int32", "INT64": "Int64",
         "BOOL": "Bool", "FP8": "FP8", "UINT8": "UInt8"}  # fmt: skip
OLD_NAMES = {
    "FLOAT": "Row major linear FP32",
    "HALF": "Row major linear FP16 format",
    "INT8": "Row major Int8 format",
}


class EngineInspector:
    """Says what is in an engine, as far as the verbosity of its build allows."""

    execution_context = Stored()
    error_recorder = Stored()

    def _begin(self, engine: Any) -> None:
        self._plan: EnginePlan = engine._plan
        told = behaviour().inspector or self._api.listing.version  # type: ignore[attr-defined]
        self._version = tuple(int(part) for part in told.split(".")[:2])

    def get_engine_information(self, form: Any) -> str:
        """See TensorRT."""
        layers = [self._layer(layer) for layer in self._plan.layers]
        if form.name == "ONELINE":
            return "\n".join(str(layer) for layer in layers)
        told: dict[str, Any] = {"Layers": [] if self._plan.verbosity == "NONE" else layers}
        if self._version > (11, 0):
            told["I/O Tensors"] = [
                *(self._tensor(port, "Input") for port in self._plan.inputs),
                *(self._tensor(port, "Output") for port in self._plan.outputs),
            ]
        else:
            told["Bindings"] = [port.name for port in (*self._plan.inputs, *self._plan.outputs)]
        return json.dumps(told)

    def get_layer_information(self, index: int, form: Any) -> str:
        """See TensorRT."""
        return json.dumps(self._layer(self._plan.layers[index]))

    def _layer(self, layer: EngineLayer) -> Any:
        if self._plan.verbosity != "DETAILED":
            return layer.name
        return {
            "Name": layer.name,
            "LayerType": layer.kind,
            "Inputs": [self._port(port) for port in layer.inputs],
            "Outputs": [self._port(port) for port in layer.outputs],
            "TacticName": "double",
            "StreamId": 0,
            "Metadata": layer.metadata,
        }

    def _port(self, port: Port) -> dict[str, Any]:
        told: dict[str, Any] = {"Name": port.name, "Location": "Device", "Dimensions": list(port.shape)}
        name = NAMES[port.dtype]
        if self._version >= (11, 0):
            return {**told, "Format": "Row major linear format (kLINEAR)", "Datatype": name}
        return {**told, "Format/Datatype": OLD_NAMES.get(port.dtype, name) if self._version < (10, 0) else name}

    def _tensor(self, port: Port, mode: str) -> dict[str, Any]:
        return {
            "Name": port.name,
            "IOMode": mode,
            "DataType": NAMES[port.dtype],
            "Dimensions": list(port.shape),
            "Location": "Device",
            "IsShapeInferenceIO": False,
            "ProfileInfo": [self._bounds(port, profile) for profile in self._plan.profiles],
        }

    def _bounds(self, port: Port, profile: Mapping[str, list[list[int]]]) -> dict[str, Any]:
        keys = ("MinShape", "OptShape", "MaxShape")
        shapes = dict(zip(keys, profile.get(port.name, [list(port.shape)] * 3), strict=True))
        return {**shapes, "Format": f"Row major linear {port.dtype} format (kLINEAR)"}

"""INT8 ranges of a weakly typed network: dynamic ranges that were set, else a calibrator's cache or batches."""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx

from trt_double.network import FLOATS
from trt_double.small import say
from trtflow.runners.reference import ReferenceRunner

ALGORITHMS = {
    "ENTROPY_CALIBRATION_2": "EntropyCalibration2",
    "ENTROPY_CALIBRATION": "EntropyCalibration",
    "MINMAX_CALIBRATION": "MinMaxCalibration",
    "LEGACY_CALIBRATION": "LegacyCalibration",
}
CODES = 127


def ranges(network: Any, config: Any, version: str) -> dict[str, float]:
    """ONNX tensor → amax; a range that was set wins over the calibrator's."""
    tensors = [*network._inputs, *(tensor for layer in network._layers for tensor in layer._outputs)]
    found: dict[str, float] = {}
    if config._calibrator is not None:
        found = _calibrated(network, config, version)
    told = {tensor._onnx: max(map(abs, tensor._range)) for tensor in tensors if tensor._onnx and tensor._range}
    return found | told


def _calibrated(network: Any, config: Any, version: str) -> dict[str, float]:
    calibrator = config._calibrator
    header = f"TRT-{_number(version)}-{ALGORITHMS[calibrator.get_algorithm().name]}"
    calibrator.get_batch_size()
    cache = calibrator.read_calibration_cache()
    first, *lines = bytes(cache or b"").decode().splitlines() or [""]
    if first == header:
        return {name: _scale(code) * CODES for name, _, code in (line.rpartition(": ") for line in lines)}
    if cache:
        say(network._builder._logger, "WARNING", f"calibration cache: expected {header}, found {first}; not read")
    found = _measured(network, config)
    lines = [f"{name}: {struct.pack('>f', amax / CODES).hex()}" for name, amax in found.items()]
    calibrator.write_calibration_cache(memoryview("\n".join([header, *lines, ""]).encode()))
    return found


def _measured(network: Any, config: Any) -> dict[str, float]:
    """The largest magnitudes over all batches, whatever the algorithm: a double has no better."""
    model: onnx.ModelProto = network._model
    tensors = [t._onnx for layer in network._layers for t in layer._outputs if t._onnx and t._dtype in FLOATS]
    found: dict[str, float] = {}
    with ReferenceRunner(model, taps=tuple(dict.fromkeys(tensors))) as runner:
        for feed in _batches(network, config):
            for name, array in {**feed, **runner(dict(feed))}.items():
                if array.dtype == np.float32 and array.size:
                    found[name] = max(found.get(name, 0.0), float(np.abs(array).max()))
    return found


def _batches(network: Any, config: Any) -> Iterator[Mapping[str, Any]]:
    inputs = [(tensor._name, tensor._onnx, _shape(tensor, config), tensor._dtype) for tensor in network._inputs]
    while pointers := config._calibrator.get_batch([name for name, *_ in inputs]):
        yield {
            name: read_array(pointer, shape, dtype)
            for pointer, (_, name, shape, dtype) in zip(pointers, inputs, strict=True)
        }


def _shape(tensor: Any, config: Any) -> tuple[int, ...]:
    """That of the calibration profile, or of the first; a fixed one is what it is."""
    profile = config._calibration_profile or next(iter(config._profiles), None)
    bounds = profile._shapes.get(tensor._name) if profile is not None else None
    return tuple(bounds[1]) if bounds else tuple(tensor._shape)


def read_array(address: int, shape: tuple[int, ...], dtype: str) -> Any:
    """A copy of what lies at ``address``."""
    kind = numpy_type(dtype)
    return np.frombuffer(ctypes.string_at(address, math.prod(shape) * kind.itemsize), kind).reshape(shape).copy()


def numpy_type(dtype: str) -> Any:
    """The numpy type of a ``DataType``, by its name."""
    import ml_dtypes

    kinds = {"FLOAT": "f4", "HALF": "f2", "INT8": "i1", "INT32": "i4", "INT64": "i8", "BOOL": "?", "UINT8": "u1"}
    special = {"BF16": ml_dtypes.bfloat16, "FP8": ml_dtypes.float8_e4m3fn}
    return np.dtype(special.get(dtype) or kinds[dtype])


def _number(version: str) -> int:
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    return major * (10000 if major >= 10 else 1000) + minor * 100 + patch


def _scale(code: str) -> float:
    return float(struct.unpack(">f", bytes.fromhex(code))[0])

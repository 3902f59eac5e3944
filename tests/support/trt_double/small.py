"""The small classes: logger, dimensions, host memory, profiles, timing caches, interfaces that users extend."""

from __future__ import annotations

import sys
from typing import Any

from trt_double.classes import Stored


class ILogger:
    """Users extend it."""

    def log(self, severity: Any, msg: str) -> None:
        """See TensorRT."""


class Logger:
    """Writes to standard error what is grave enough."""

    min_severity = Stored()

    def _begin(self, least: Any) -> None:
        self._stored_min_severity = least

    def log(self, severity: Any, msg: str) -> None:
        """See TensorRT."""
        if int(severity) <= int(self._stored_min_severity):
            sys.stderr.write(f"[TRT] [{severity.name[:1]}] {msg}\n")


class Dims:
    """A sequence of integers, which is not a tuple and not equal to one."""

    def _begin(self, shape: Any = ()) -> None:
        self._shape = tuple(int(size) for size in shape)

    def __len__(self) -> int:
        return len(self._shape)

    def __getitem__(self, index: Any) -> Any:
        return self._shape[index]

    def __repr__(self) -> str:
        return str(self._shape)


class IHostMemory:
    """Bytes that know no length and no items, as the bindings' buffer."""

    _carrier = bytes

    def _begin(self) -> None:
        """Nothing: the bytes are there."""

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        raise TypeError("object of type 'IHostMemory' has no len()")

    @property
    def nbytes(self) -> int:
        """See TensorRT."""
        return memoryview(self).nbytes  # type: ignore[arg-type]


class IOptimizationProfile:
    """Bounds of shapes, and of values of shape tensors."""

    def _begin(self) -> None:
        self._shapes: dict[str, list[Any]] = {}
        self._values: dict[str, list[list[int]]] = {}

    def __bool__(self) -> bool:
        return bool(self._shapes or self._values)

    def set_shape(self, name: str, low: Any, typical: Any, high: Any) -> None:
        """See TensorRT; bounds out of order are refused."""
        bounds = [tuple(bound) for bound in (low, typical, high)]
        if not all(a <= b <= c for a, b, c in zip(*bounds, strict=True)):
            raise ValueError("Shape provided for min is inconsistent with other shapes.")
        self._shapes[name] = bounds

    def get_shape(self, name: str) -> list[Any]:
        """See TensorRT."""
        return [self._api["Dims"](bound) for bound in self._shapes.get(name, ())]  # type: ignore[attr-defined]

    def set_shape_input(self, name: str, low: Any, typical: Any, high: Any) -> None:
        """See TensorRT."""
        self._values[name] = [list(low), list(typical), list(high)]

    def get_shape_input(self, name: str) -> list[list[int]]:
        """See TensorRT."""
        return self._values.get(name, [])


class ITimingCache:
    """A set of lines, one a layer that was timed."""

    def _begin(self, content: bytes) -> None:
        self._lines = set(bytes(content).splitlines())

    def serialize(self) -> Any:
        """See TensorRT."""
        return host_memory(self._api, b"\n".join(sorted(self._lines)))  # type: ignore[attr-defined]

    def combine(self, other: Any, ignore_mismatch: bool) -> bool:
        """See TensorRT."""
        self._lines |= other._lines
        return True

    def reset(self) -> bool:
        """See TensorRT."""
        self._lines.clear()
        return True


class IPluginRegistry:
    """No plugins."""

    plugin_creator_list = Stored(())
    all_creators = Stored(())

    def load_library(self, path: str) -> Any:
        """See TensorRT; None for what is no file."""
        from pathlib import Path

        return object() if Path(path).is_file() else None

    def _begin(self) -> None:
        """Nothing."""


class IInt8Calibrator:
    """Users extend it."""

    def get_batch_size(self) -> int:
        """See TensorRT."""
        raise NotImplementedError("Tried to call pure virtual function get_batch_size")


def _calibrator(algorithm: str) -> type:
    def get_algorithm(self: Any) -> Any:
        return getattr(self._api["CalibrationAlgoType"], algorithm)

    return type("Calibrator", (IInt8Calibrator,), {"get_algorithm": get_algorithm})


CALIBRATORS = {
    "IInt8Calibrator": IInt8Calibrator,
    "IInt8EntropyCalibrator2": _calibrator("ENTROPY_CALIBRATION_2"),
    "IInt8EntropyCalibrator": _calibrator("ENTROPY_CALIBRATION"),
    "IInt8MinMaxCalibrator": _calibrator("MINMAX_CALIBRATION"),
    "IInt8LegacyCalibrator": _calibrator("LEGACY_CALIBRATION"),
}


def host_memory(api: Any, content: bytes) -> Any:
    """``content`` as the library hands it out."""
    made = api["IHostMemory"].__new__(api["IHostMemory"], content)
    object.__setattr__(made, "_begun", True)
    return made


def say(logger: Any, severity: str, message: str) -> None:
    """Tell a user's logger."""
    logger.log(getattr(logger.Severity, severity), message)

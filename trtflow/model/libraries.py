"""Libraries of custom operators: which of them are whose, and what makes a runtime know them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_ENTRY = b"RegisterCustomOps"
"""The function that ONNX Runtime calls in a library of custom operators; TensorRT's plugin libraries have none."""

_used: list[Path] = []


def use_libraries(libraries: Iterable[Path]) -> None:
    """Let sessions and engines of this process know the operators in ``libraries``, and in no others."""
    _used[:] = libraries


def operator_libraries() -> tuple[Path, ...]:
    """The libraries in use that are for ONNX Runtime."""
    return tuple(path for path in _used if _ENTRY in path.read_bytes())


def plugin_libraries() -> tuple[Path, ...]:
    """The libraries in use that are for TensorRT."""
    return tuple(path for path in _used if _ENTRY not in path.read_bytes())

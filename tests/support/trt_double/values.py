"""Enumerations as pybind11 makes them: not integers, but they become some; unknown names are noted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from trt_double.touched import missing


class Kind(type):
    """The type of enumerations."""

    def __getattr__(cls, name: str) -> Any:
        raise missing(cls.__name__, name)


class Value(metaclass=Kind):
    """One value of an enumeration."""

    __members__: ClassVar[dict[str, Any]] = {}

    def __init__(self, value: int) -> None:
        self.value = value
        self.name = next((name for name, member in self.__members__.items() if member.value == value), "???")

    def __int__(self) -> int:
        return self.value

    __index__ = __int__

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and int(self) == int(other)  # type: ignore[call-overload]

    def __hash__(self) -> int:
        return self.value

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __repr__(self) -> str:
        return f"<{self}: {self.value}>"


def enumeration(name: str, values: Mapping[str, int]) -> Any:
    """The enumeration called ``name``."""
    made = Kind(name, (Value,), {"__members__": {}, "__module__": "tensorrt.tensorrt"})
    for key, number in values.items():
        made.__members__[key] = value = made(number)
        value.name = key
        setattr(made, key, value)
    return made

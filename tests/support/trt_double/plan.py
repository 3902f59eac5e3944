"""A serialized engine: what it says of itself in JSON, and the graph that it executes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import onnx

MAGIC = b"trtflow-double"


@dataclass(frozen=True)
class Port:
    """A tensor that can be read or fed: its name in the engine, in the graph, type, shape (-1 is free)."""

    name: str
    onnx: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class EngineLayer:
    """One layer of the engine; ``inputs`` and ``outputs`` by the engine's names with their types and shapes."""

    name: str
    kind: str
    metadata: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


@dataclass(frozen=True)
class EnginePlan:
    """All that an engine is. ``profiles``: per profile and input the bounds of its shape."""

    version: str
    verbosity: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    debug: tuple[Port, ...]
    unfused: tuple[Port, ...]
    layers: tuple[EngineLayer, ...]
    profiles: tuple[Mapping[str, list[list[int]]], ...]


def serialize(plan: EnginePlan, executed: onnx.ModelProto) -> bytes:
    """Both as bytes."""
    return b"\0".join([MAGIC, json.dumps(asdict(plan)).encode(), executed.SerializeToString()])


def deserialize(content: bytes) -> tuple[EnginePlan, onnx.ModelProto]:
    """What ``serialize`` made.

    Raises:
        ValueError: it is something else.
    """
    magic, told, executed = [*content.split(b"\0", 2), b"", b""][:3]
    if magic != MAGIC:
        raise ValueError("the serialized engine is no engine of this double")
    found: dict[str, Any] = json.loads(told)
    ports = {name: _ports(found[name]) for name in ("inputs", "outputs", "debug", "unfused")}
    layers = tuple(
        EngineLayer(**{**one, "inputs": _ports(one["inputs"]), "outputs": _ports(one["outputs"])})
        for one in found["layers"]
    )
    return EnginePlan(**{**found, **ports, "layers": layers}), onnx.load_from_string(executed)


def _ports(entries: list[dict[str, Any]]) -> tuple[Port, ...]:
    return tuple(Port(**{**entry, "shape": tuple(entry["shape"])}) for entry in entries)

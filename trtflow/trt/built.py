"""What came of building one engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trtflow.trt.capabilities import Typing
from trtflow.trt.honoured import Honoured
from trtflow.trt.marking import Mark


@dataclass(frozen=True)
class EngineBuild:
    """What was built: backend and version, time in seconds, size in bytes, network tensors by type.

    ``machine``: the GPU, its driver and the CUDA runtime, those that there are. ``uninspected`` says why the engine's
    layers were not read; empty: they were. ``marks``: the tensors that are read beside the outputs. ``notes`` tell of
    ranges and of what was calibrated on. ``honoured``: what became of the precisions that were asked for, of an
    engine that was read.
    """

    backend: str
    version: str
    seconds: float
    bytes: int
    tensors: Mapping[str, int]
    typing: Typing = "strong"
    machine: Mapping[str, str] = field(default_factory=dict)
    uninspected: str = ""
    marks: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()
    honoured: Honoured = field(default_factory=Honoured)

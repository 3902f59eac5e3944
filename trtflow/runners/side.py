"""A side of a comparison: what can be started with some of its tensors inside handed out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trtflow.runners.backend import Runner
from trtflow.trt.honoured import Status
from trtflow.trt.marking import Mechanism


@dataclass(frozen=True)
class Reading:
    """How a tensor came out: what made its precision so, and what the inspector, if asked, says of its layer."""

    mechanism: Mechanism
    built: Status | None = None


class Reader(Runner, Protocol):
    """What hands out tensors by the names of the ONNX file, in FP32."""

    @property
    def readings(self) -> Mapping[str, Reading]:
        """How tensors come out, of those that do; known once it was entered."""
        ...


class Side(Protocol):
    """What computes a network, and its tensors inside by the names of the ONNX file."""

    @property
    def observed(self) -> bool:
        """Whether reading tensors may change what it computes, as marks do on an engine."""
        ...

    def start(self, tensors: Sequence[str]) -> Reader:
        """What computes the outputs, and beside them those of ``tensors`` that can be read."""
        ...

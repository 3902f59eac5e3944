"""What ``trtflow doctor --json`` prints: what is installed, the GPUs, and what each runner can do here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from trtflow.files.document import Document

Can = Literal["run", "build", "nothing"]


class GpuFacts(Document):
    """A GPU: ``memory`` in bytes."""

    name: str
    capability: str
    memory: int


class RunnerFacts(Document):
    """What a runner ``can`` do here, ``why`` not more, the command that would ``install`` it, and a ``note``."""

    can: Can
    why: str = ""
    install: str = ""
    note: str = ""


class TensorRtFacts(Document):
    """What an installed TensorRT, or TensorRT-RTX, offers."""

    version: str
    strong_typing: bool
    weak_typing: bool
    calibrators: bool
    dynamic_ranges: bool
    debug_tensors: bool
    unfused_debug_tensors: bool
    progress_monitor: bool
    strict_nans: bool


class MachineFacts(Document):
    """This machine. ``versions``: null where a thing is not there. ``no_gpu`` says why there are no ``gpus``."""

    python: str
    system: str
    jetson: str = ""
    versions: Mapping[str, str | None]
    driver: str = ""
    cuda: str = ""
    gpus: tuple[GpuFacts, ...] = ()
    no_gpu: str = ""
    runners: Mapping[str, RunnerFacts]
    tensorrt: Mapping[str, TensorRtFacts] = {}

"""What one engine is built from, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from trtflow.plan import PrecisionPlan
from trtflow.precision import INT8
from trtflow.trt.capabilities import Typing
from trtflow.trt.shapes import ShapeRange

Capture = Literal["outputs", "debug", "unfused-debug"]
"""How tensors inside are read: as outputs, as debug tensors, or as those that are left after fusion."""
Calibrator = Literal["entropy2", "minmax", "entropy", "legacy"]


@dataclass(frozen=True)
class EngineSettings:
    """How engines are built, the same for all of a run; None leaves a thing to TensorRT.

    ``typing``: None takes strong where the version has it. ``workspace``: bytes of device memory that a tactic may
    use. ``level``: the builder's optimisation level, 0 to 5. ``timeout``: seconds that one build may take.
    ``profiles``: bounds of inputs that differ from those of the samples. ``timing_cache``: a file that the builds
    of a search share. ``cache``: a calibration cache that is read instead of calibrating. ``memory``: bytes of device
    memory that marked tensors may take at a time.
    """

    typing: Typing | None = None
    workspace: int | None = None
    level: int | None = None
    tf32: bool = False
    strict_nans: bool = False
    timeout: float | None = None
    timing_cache: Path | None = None
    profiles: Mapping[str, ShapeRange] = field(default_factory=dict)
    calibrator: Calibrator | None = None
    cache: Path | None = None
    capture: Capture = "outputs"
    memory: int = 1_000_000_000

    @property
    def decisive(self) -> dict[str, Any]:
        """What of it decides what a search's engines compute, JSON-ready: neither time-out nor caches."""
        told = asdict(self)
        return {name: told[name] for name in told if name not in ("timeout", "timing_cache", "cache")}


@dataclass(frozen=True)
class EngineRequest:
    """One engine: an ONNX file, and what its network is told beside the file.

    ``plan`` and ``ranges`` (tensor → amax) are set on a weakly typed network; a strongly typed one has its precision
    in the file. ``marks`` are ONNX tensors that are read beside the outputs. ``calibration``: the samples that a
    calibrator is fed, one ``.npz`` each, in a folder.
    """

    model: Path
    shapes: Mapping[str, ShapeRange] = field(default_factory=dict)
    settings: EngineSettings = field(default_factory=EngineSettings)
    plan: PrecisionPlan | None = None
    ranges: Mapping[str, float] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    calibration: Path | None = None

    @property
    def calibrated(self) -> bool:
        """Whether TensorRT calibrates: a calibrator is named, and the plan has something for it to do."""
        used = () if self.plan is None else (self.plan.default, *self.plan.nodes.values())
        return self.settings.calibrator is not None and INT8 in used

    @property
    def bounds(self) -> Mapping[str, ShapeRange]:
        """The bounds of the inputs: those that the settings name, of all others those of the samples."""
        return {**self.shapes, **self.settings.profiles}

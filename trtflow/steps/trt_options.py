"""The option ``trt``: how TensorRT builds engines, for every step that has some built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from trtflow.steps.contract import File, Options

if TYPE_CHECKING:
    from trtflow.trt.request import EngineSettings

MB = 1_000_000
Shape = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(description="one integer a dimension")]


class Profile(Options):
    """The shapes that an input may have."""

    min: Shape
    opt: Shape = Field(description="the shape that the engine is tuned for")
    max: Shape

    @model_validator(mode="after")
    def _in_order(self) -> Profile:
        if not len(self.min) == len(self.opt) == len(self.max):
            raise ValueError(f"expected as many dimensions in min, opt and max, not {self._sizes}")
        if not all(low <= typical <= high for low, typical, high in zip(self.min, self.opt, self.max, strict=True)):
            raise ValueError("expected min ≤ opt ≤ max in each dimension")
        return self

    @property
    def _sizes(self) -> str:
        return ", ".join(str(len(shape)) for shape in (self.min, self.opt, self.max))


class Trt(Options):
    """How engines are built. What the installed version cannot honour is an error."""

    typing: Literal["strong", "weak"] | None = Field(
        None,
        description="precision by the file's types, or told beside it (up to 10.16); left out, strong from 10 on",
    )
    workspace: int | None = Field(None, ge=1, description="MB of device memory that a tactic may use")
    optimisation_level: int | None = Field(None, ge=0, le=5, description="how long the builder searches")
    tf32: bool = Field(False, description="let FP32 layers compute in TF32")
    strict_nans: bool = Field(
        False, description="keep NaNs that optimisations may lose; for diagnosis (10.6 and later)"
    )
    timeout: float | None = Field(None, gt=0, description="seconds that one build may take")
    profiles: dict[str, Profile] = Field(
        default_factory=dict, description="shapes by input; of others those of the samples"
    )
    calibrator: Literal["entropy2", "minmax", "entropy", "legacy"] | None = Field(
        None, description="TensorRT's own INT8 calibration (up to 10.16, weakly typed)"
    )
    calibration_cache: File | None = Field(
        None, description="read instead of calibrating: what TensorRT's calibrator wrote in an earlier run"
    )
    capture: Literal["outputs", "debug", "unfused-debug"] = Field(
        "outputs", description="how tensors inside are read: as outputs, or as debug tensors (10.0, 10.12 and later)"
    )
    memory: int = Field(1000, ge=1, description="MB of device memory that marked tensors may take at a time")

    @property
    def batches(self) -> dict[str, int]:
        """Per input with a profile, the largest first dimension."""
        return {name: one.max[0] for name, one in self.profiles.items() if one.max}

    def settings(self, timing_cache: Path | None = None) -> EngineSettings:
        """As what builds takes them; ``timing_cache``: a file that the builds of a search share."""
        from trtflow.trt.request import EngineSettings
        from trtflow.trt.shapes import ShapeRange

        return EngineSettings(
            typing=self.typing,
            workspace=None if self.workspace is None else self.workspace * MB,
            level=self.optimisation_level,
            tf32=self.tf32,
            strict_nans=self.strict_nans,
            timeout=self.timeout,
            timing_cache=timing_cache,
            profiles={name: ShapeRange(one.min, one.opt, one.max) for name, one in self.profiles.items()},
            calibrator=self.calibrator,
            cache=self.calibration_cache,
            capture=self.capture,
            memory=self.memory * MB,
        )

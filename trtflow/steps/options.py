"""Options that several steps share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetPydanticSchema,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core.core_schema import literal_schema

from trtflow.numerics.accept import Kind
from trtflow.numerics.metrics import METRICS
from trtflow.precision import Accumulation as Sums
from trtflow.precision import Precision
from trtflow.runners.polygraphy_script import EXPECTED, LOADER, NAME
from trtflow.runners.registry import BACKENDS, BUILDERS, EMULATED, ENGINES
from trtflow.steps.contract import CODE, Code, CodeReference, File, Options, Source
from trtflow.text import did_you_mean

Conditions = dict[str, dict[Kind, float]]


def one_of(names: Sequence[str]) -> GetPydanticSchema:
    """What makes a string one of ``names``: a ``Literal`` whose members a registry decides."""
    return GetPydanticSchema(lambda source, handler: literal_schema([*names]))


Builder = Annotated[str, one_of(("auto", *BUILDERS))]
AnyRunner = Annotated[str, one_of((*BACKENDS,))]
Decider = Annotated[str, one_of((EMULATED, *ENGINES))]
"""Who decides: the emulator, or an engine, which then must be here."""


def _script(value: str) -> CodeReference:
    script = CodeReference(value if CODE.fullmatch(value) else f"{value}:{LOADER}")
    if not CODE.fullmatch(script):
        raise ValueError("expected file.py, or file.py:function")
    return script


Script = Annotated[str, AfterValidator(_script)]
"""``file.py:function``, the function being ``load_runner`` where none is named."""

Saturation = Annotated[
    Literal["shown", "any"],
    Field(description="infinities inside that FP32 lacks: where shown to be harmless, or any"),
]


Accumulation = Annotated[
    Sums,
    Field(description="what emulated kernels add the products of FP16 up in"),
]


SEARCH = {"strategy", "rounding", "held_out", "saturation", "accumulation"}
"""Options of every search that its settings take as they are."""


def runner_facts(name: str) -> tuple[str, ...]:
    """The facts about the machine that measurements on a runner depend on."""
    return BACKENDS[name].facts


class Data(Options):
    """Where samples come from."""

    source: Source = Field(description=".npz file, folder of .npz or .npy files, or file.py:function")
    labels: str | None = Field(None, description="name of the array of labels in the npz")
    limit: int | None = Field(None, ge=1, description="use the first samples only")
    allow_nonfinite: tuple[Literal["inputs", "outputs"], ...] = Field(
        (), description="where NaN and infinity are meant: in the samples, in what FP32 makes of them"
    )


class Reference(Options):
    """What everything is compared with."""

    runner: AnyRunner = "onnxruntime"
    precision: Literal["fp32"] = "fp32"


class Candidate(Options):
    """One precision under test."""

    runner: AnyRunner = "emulated"
    precision: Precision = Field("fp16", description="of every node that suits it")
    plan: File | None = Field(None, description="a precision plan, from bisect or quantize; overrides precision")
    scales: File | None = Field(None, description="the scales file, from calibrate; for INT8 and FP8")
    cures: File | None = Field(None, description="clipped weights and corrected biases, from cure")


def _several(value: Any) -> Any:
    """One path, several or none, as a tuple."""
    return () if value is None else tuple(value) if isinstance(value, list | tuple) else (value,)


Files = Annotated[
    tuple[File, ...],
    BeforeValidator(_several),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}),
]


class Executed(Options):
    """Options of a step that executes a model, or must know what of it can be."""

    custom_ops: Files = Field(
        (), description="libraries of operators that ONNX lacks: for ONNX Runtime, or plugins for TensorRT"
    )


class Judged(Executed):
    """Options of a step that judges a model by end metrics."""

    metric: Code | None = Field(None, description="file.py:function, for a metric of your own")
    accept: Conditions = Field({"sqnr": {"min": 30.0}}, min_length=1, description="conditions, all must hold")

    @field_validator("accept")
    @classmethod
    def _known(cls, accept: Conditions, info: ValidationInfo) -> Conditions:
        """Without a function of the user's only the built-in metrics can be measured."""
        unknown = [name for name in accept if name not in METRICS]
        if info.data.get("metric") is None and unknown:
            hint = did_you_mean(unknown[0], METRICS, "; ")
            raise ValueError(f"expected metrics among {', '.join(METRICS)}, not '{unknown[0]}'{hint}")
        return accept


class Decided(Judged):
    """Options of a step in which a runner decides."""

    runner: Decider = EMULATED
    script: Script | None = Field(None, description="of runner polygraphy-script: file.py[:load_runner]")

    @model_validator(mode="after")
    def _named(self) -> Decided:
        if self.runner == NAME and self.script is None:
            raise ValueError(
                f"expected `script: file.py` beside `runner: {NAME}`, with a function {LOADER}{EXPECTED}"
            )
        return self

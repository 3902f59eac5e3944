"""What a step is made of: its options, what it is given, and what it returns.

A step is a module that is a ``StepModule``, and may have ``optional`` (outputs that it may leave out),
``published`` (output → name under ``out/<config>/``) and ``depends`` (options → facts that they add to
``environment``) besides. Importing it must be cheap: heavy imports belong
inside ``run``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator, WithJsonSchema

CODE = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)")


def kebab(name: str) -> str:
    """``max_evaluations`` as YAML spells it: ``max-evaluations``."""
    return name.rstrip("_").replace("_", "-")


class Options(BaseModel):
    """Base of the options of a step: unknown keys are errors, instances are frozen, YAML keys are kebab-case.

    ``gone`` holds keys that are no more, with what to write instead.
    """

    gone: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=kebab,
        validate_by_name=True,  # for Python; YAML has the alias only
        validate_by_alias=True,
        ser_json_inf_nan="constants",
        protected_namespaces=(),
    )


class CodeReference(str):
    """``file.py:function``: the user's own code."""

    __slots__ = ()

    @property
    def file(self) -> Path:
        """The file that holds the function."""
        return Path(self._match["file"])

    @property
    def function(self) -> str:
        """The function's name."""
        return self._match["function"]

    @property
    def _match(self) -> re.Match[str]:
        match = CODE.fullmatch(self)
        if match is None:
            raise ValueError("expected file.py:function")
        return match


def _code(value: str) -> CodeReference:
    reference = CodeReference(value)
    _ = reference.function
    return reference


def _source(value: Any) -> Path | str:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("expected a path or file.py:function")
    return CodeReference(value) if CODE.fullmatch(value) else Path(value)


def _record(value: Any) -> Any:
    """A name is what YAML gives, a map what the engine hands to the child."""
    if isinstance(value, str):
        return StepRecord(value)
    if not isinstance(value, dict):
        return value
    outputs = {name: Path(path) for name, path in value["outputs"].items()}
    return StepRecord(**{**value, "outputs": outputs, "log": tuple(value["log"])})


@dataclass(frozen=True)
class StepRecord:
    """What became of a step, for the steps that look back at others (option type ``Steps``).

    ``outputs`` are absolute paths; ``digests`` their sha256. ``seconds`` is how long the work took when it was
    done, also if ``cached``. ``error`` is set where ``status`` is not "done". ``log`` is the end of its log.
    """

    name: str
    uses: str = ""
    status: Literal["planned", "done", "failed", "skipped"] = "planned"
    accepted: bool | None = None
    summary: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Path] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cached: bool = False
    error: str = ""
    log: tuple[str, ...] = ()

    def evidence(self) -> dict[str, Any]:
        """What a key depends on: everything but times, places and logs."""
        return {
            "name": self.name,
            "uses": self.uses,
            "status": self.status,
            "accepted": self.accepted,
            "summary": self.summary,
            "metrics": dict(self.metrics),
            "outputs": dict(self.digests),
            "error": self.error,
        }


File = Path
"""A user's file or folder, or ``${step.output}``. Absolute in ``run``; its content is part of the key."""

Code = Annotated[str, AfterValidator(_code)]
"""``file.py:function``. Absolute in ``run``; the file's content is part of the key."""

Source = Annotated[Path | str, PlainValidator(_source), WithJsonSchema({"type": "string"})]
"""A ``File`` (a Path in ``run``) or ``Code`` (a str in ``run``)."""

Steps = tuple[
    Annotated[StepRecord, BeforeValidator(_record), WithJsonSchema({"type": "string", "description": "step"})],
    ...,
]
"""Names of steps in YAML, their records in ``run``, which also happens when some of them failed."""


@dataclass(frozen=True)
class Table:
    """A table for the terminal. Cells are text or numbers; None is shown as a dash."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]
    title: str = ""


@dataclass(frozen=True)
class Result:
    """What a step found, besides the files it wrote.

    ``metrics`` (JSON-ready) go into the record and the lock file, so they hold no times. ``accepted`` False
    ends the run with exit status 3, after all steps ran but those that name this one under ``needs``; such a step may
    leave out its outputs, and what needs them. ``summary`` is one line. ``last_word``, of a step that looks back at
    the others, is how the run ends: what must be noted, and in the last line the verdict.
    """

    metrics: Mapping[str, Any] = field(default_factory=dict)
    accepted: bool | None = None
    summary: str = ""
    table: Table | None = None
    last_word: tuple[str, ...] = ()


class Memo(Protocol):
    """Records of single evaluations, by content; each is on disk at once and survives the end of the step.

    ``material`` (JSON-ready) must name all that the record depends on, files by ``Context.digest``. The step's
    type, version and environment are added by the engine.
    """

    def get(self, material: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record stored for ``material``, or None."""

    def put(self, material: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """Store ``record`` for ``material``."""


@dataclass(frozen=True)
class Context:
    """What a running step is given. It writes its outputs into ``folder`` under their declared names."""

    folder: Path
    memo: Memo
    progress: Callable[[int, int | None, str], None]
    log: Callable[[str], None]
    digest: Callable[[Path | str], str]


class StepModule(Protocol):
    """What every step module has. Raise ``version`` when the same options and inputs give other outputs."""

    @property
    def version(self) -> int:
        """Part of the key of every result."""

    @property
    def environment(self) -> tuple[str, ...]:
        """The facts that the outputs depend on: names of packages, ``gpu``."""

    @property
    def outputs(self) -> Mapping[str, str]:
        """Output → file or folder that ``run`` writes into ``Context.folder``."""

    @property
    def With(self) -> type[Options]:  # noqa: N802 - a class of the module
        """The model of its options."""

    @property
    def run(self) -> Callable[[Any, Context], Result]:
        """Do the work; the options are an instance of ``With``.

        Raises:
            TrtflowError: what the user can do something about.
        """


def optional_outputs(step: StepModule) -> tuple[str, ...]:
    """The outputs that a step may leave out: none where the module does not say."""
    found: tuple[str, ...] = getattr(step, "optional", ())
    return found


def added_facts(step: StepModule) -> Callable[[Any], tuple[str, ...]]:
    """Options → the facts that they make the outputs depend on: none where the module does not say."""
    found: Callable[[Any], tuple[str, ...]] = getattr(step, "depends", lambda options: ())
    return found


def published_outputs(step: StepModule) -> Mapping[str, str]:
    """Output → the name it is published under, a template of ``{config}``: none where the module does not say."""
    found: Mapping[str, str] = getattr(step, "published", {})
    return found

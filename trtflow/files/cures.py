"""Cures for INT8 as files hold them: what was changed, how much it helped, and what doing it again needs.

Rescalings come first and change the network, though not what it computes in FP32. Clippings and corrections belong to
quantized nodes; they refer to the weights after the rescalings.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from trtflow.errors import PlanError
from trtflow.files.strict_json import write_json
from trtflow.plan import PrecisionPlan
from trtflow.precision import QUANTIZED


class _Cure(BaseModel):
    """``before`` and ``after``: noise over signal at the end outputs with only ``nodes`` quantized."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    subject: str
    nodes: tuple[str, ...]
    before: float
    after: float


class Rescaling(_Cure):
    """The channels of the tensor ``subject`` over two to the power of ``shifts``; its readers make up for it."""

    kind: Literal["equalisation", "migration"]
    shifts: tuple[int, ...]


class Clipping(_Cure):
    """The largest code of the weights of ``subject`` at ``shares`` of their magnitude: per channel, or one."""

    kind: Literal["weight clipping"] = "weight clipping"
    shares: tuple[float, ...]


class Correction(_Cure):
    """What is added to the bias of ``subject``, per output channel."""

    kind: Literal["bias correction"] = "bias correction"
    bias: tuple[float, ...]


Cure = Annotated[Rescaling | Clipping | Correction, Field(discriminator="kind")]
_CURES: TypeAdapter[tuple[Cure, ...]] = TypeAdapter(tuple[Cure, ...])


def in_effect(cures: Iterable[Cure], plan: PrecisionPlan) -> tuple[Cure, ...]:
    """Those that a rewrite under ``plan`` carries out: what is not quantized keeps its weights and biases."""
    return tuple(c for c in cures if isinstance(c, Rescaling) or plan.precision(c.subject) in QUANTIZED)


def write_cures(cures: Iterable[Cure], path: Path) -> None:
    """Write ``cures`` as JSON, in their order."""
    write_json([cure.model_dump(mode="json") for cure in cures], path)


def read_cures(path: Path) -> tuple[Cure, ...]:
    """Read what `write_cures` wrote.

    Raises:
        PlanError: the file cannot be read, or holds no cures.
    """
    try:
        return _CURES.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise PlanError(f"{path} is no list of cures ({error}); expected what the step cure writes.") from error

"""The file of cures: what was changed, how much it helped, and what doing it again needs.

Rescalings come first and change the network, though not what it computes in FP32. Clippings and corrections belong to
quantized nodes; they refer to the weights after the rescalings.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from trtflow.cures import Cure
from trtflow.errors import PlanError
from trtflow.files.strict_json import write_json
from trtflow.plan import PrecisionPlan

_CURES: TypeAdapter[tuple[Cure, ...]] = TypeAdapter(tuple[Cure, ...])


def in_effect(cures: Iterable[Cure], plan: PrecisionPlan) -> tuple[Cure, ...]:
    """Those that a rewrite under ``plan`` carries out."""
    return tuple(cure for cure in cures if cure.in_effect(plan))


def write_cures(cures: Iterable[Cure], path: Path) -> None:
    """Write ``cures`` as JSON, in their order."""
    write_json([cure.model_dump(mode="json") for cure in cures], path)


def read_cures(path: Path) -> tuple[Cure, ...]:
    """Read what ``write_cures`` wrote.

    Raises:
        PlanError: the file cannot be read, or holds no cures.
    """
    try:
        return _CURES.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise PlanError(f"{path} is no list of cures ({error}); expected what the step cure writes.") from error

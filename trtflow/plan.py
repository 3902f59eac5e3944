"""A precision plan: a default precision and the nodes that differ from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trtflow.errors import PlanError
from trtflow.precision import FP16, PRECISIONS, QUANTIZED, Precision


@dataclass(frozen=True)
class PrecisionPlan:
    """Which precision each ONNX node computes in.

    ``default`` holds for every node that ``nodes`` (unique node name → precision) does not name. A node whose
    operator or tensors cannot take a low precision (shapes, integers, custom domains) ignores the plan.
    """

    default: Precision = FP16
    nodes: Mapping[str, Precision] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {name: precision for name, precision in sorted(self.nodes.items()) if precision != self.default}
        object.__setattr__(self, "nodes", kept)

    def precision(self, node: str) -> Precision:
        """The precision of the node called ``node``."""
        return self.nodes.get(node, self.default)

    def assign(self, nodes: Iterable[str], precision: Precision) -> PrecisionPlan:
        """A copy in which ``nodes`` have ``precision``."""
        return PrecisionPlan(self.default, {**self.nodes, **dict.fromkeys(nodes, precision)})

    @property
    def kept(self) -> tuple[str, ...]:
        """The nodes that stay in another floating-point format than the default."""
        return tuple(name for name, precision in self.nodes.items() if precision not in QUANTIZED)

    def document(self) -> dict[str, object]:
        """A JSON-ready form, equal for equal plans."""
        return {"default": self.default, "nodes": dict(self.nodes)}


def write_plan(plan: PrecisionPlan, path: Path) -> None:
    """Write ``plan`` as JSON."""
    path.write_text(json.dumps(plan.document(), indent=1), encoding="utf-8")


def read_plan(path: Path) -> PrecisionPlan:
    """Read what ``write_plan`` wrote.

    Raises:
        PlanError: the file is not a plan.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        plan = PrecisionPlan(document["default"], document["nodes"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise PlanError(f"{path} is not a precision plan ({error}); expected {{default, nodes}} in JSON.") from error
    unknown = {plan.default, *plan.nodes.values()} - set(PRECISIONS)
    if unknown:
        raise PlanError(f"{path} names the precisions {sorted(unknown)}; expected some of {', '.join(PRECISIONS)}.")
    return plan

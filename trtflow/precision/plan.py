"""A precision plan: a default precision and the nodes that differ from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Precision = Literal["fp32", "fp16", "bf16", "int8", "fp8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True)
class PrecisionPlan:
    """Which precision each ONNX node computes in.

    ``default`` holds for every node that ``nodes`` (unique node name → precision) does not name. A node whose
    operator or tensors cannot take a low precision (shapes, integers, custom domains) ignores the plan.
    """

    default: Precision = "fp16"
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

    def document(self) -> dict[str, object]:
        """A JSON-ready form, equal for equal plans."""
        return {"default": self.default, "nodes": dict(self.nodes)}

"""A plan on a weakly typed network: precision and output types, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trtflow.files.exports.layers import LayerName, tell, told
from trtflow.files.exports.weak_typing import bindings, default_word
from trtflow.plan import PrecisionPlan
from trtflow.precision import OF_BINDINGS, Precision


@dataclass(frozen=True)
class Assignment:
    """What one layer is told: the precision that it computes in, and the type of each output; None: nothing."""

    precision: Precision | None
    outputs: tuple[Precision | None, ...]


def assignments(rows: Sequence[LayerName], plan: PrecisionPlan) -> dict[str, Assignment]:
    """Layer → what ``plan`` tells it, of the layers that it tells something."""
    said = told(rows, bindings(plan.nodes), default_word(plan.default, plan.nodes))
    found = {
        row.layer: Assignment(_precision(word), tuple(map(_precision, types)))
        for row, (word, types) in zip(rows, said, strict=True)
    }
    return {layer: one for layer, one in found.items() if one.precision or any(one.outputs)}


def set_precisions(network: Any, module: Any, plan: PrecisionPlan, rows: Sequence[LayerName]) -> None:
    """Tell ``network``, whose ``rows`` these are, its precisions; ``module`` is TensorRT, 8.6 to 10.16."""
    tell(network, module, rows, bindings(plan.nodes), default_word(plan.default, plan.nodes))


def _precision(word: str | None) -> Precision | None:
    return None if word is None else OF_BINDINGS[word]

"""What two sides of a product have in common, and the table of it by kernel and depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
BANDS = ((0, 256), (256, 1024), (1024, 4096))
"""Depths beyond the first number, up to the second."""


@dataclass(frozen=True)
class Compared:
    """Of one product: where a kernel's elements are the rule's, and, of FP16 sums, the emulated graph's."""

    kind: str
    depth: int
    rule: Mask
    graph: Mask
    infinite: int


def same(one: NDArray[Any], other: NDArray[Any]) -> Mask:
    """Where two arrays are equal; a NaN is equal to any."""
    equal: Mask = (one == other) | (np.isnan(one) & np.isnan(other))
    return equal


def share(mask: Mask) -> str:
    """Of nothing nothing is said."""
    return f"{100 * mask.mean():.2f} %" if mask.size else ""


def summary(found: Sequence[Compared]) -> str:
    """A line a kernel: elements that differ from the rule's, and by depth the share that the graph has as well."""
    heads = ["kernel", "products", "elements", "not the rule's", *(f"K ≤ {end}" for _, end in BANDS)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for kind in dict.fromkeys(one.kind for one in found):
        own = [one for one in found if one.kind == kind]
        rule = np.concatenate([one.rule.ravel() for one in own])
        bands = [[one.graph.ravel() for one in own if low < one.depth <= high] for low, high in BANDS]
        cells = [share(np.concatenate(band)) if band else "" for band in bands]
        lines.append(f"| {kind} | {len(own)} | {rule.size:,} | {np.count_nonzero(~rule)} | {' | '.join(cells)} |")
    return "\n".join(lines)

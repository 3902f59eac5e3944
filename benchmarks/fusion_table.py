"""The tables of ``fusion.py``: end metrics, and errors at the ends of units, of GPU and emulator side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

WAYS = ("eager", "tensor", "bias apart", "compiled", "unit", "products apart")
"""By PyTorch, and emulated with rounding by tensor, with convolutions' biases added apart, by unit, and by unit with
convolutions and matrix products rounded by themselves."""

PAIRS = (("eager", "tensor"), ("eager", "bias apart"), ("compiled", "unit"), ("compiled", "products apart"))
"""Which way of a GPU is held against which of the emulator."""


@dataclass(frozen=True)
class Row:
    """A network, or why it ``failed``.

    ``ends``: by way of executing it, the SQNR of its outputs in dB. ``units``: the relative error at the end of each.
    """

    name: str
    ends: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, Sequence[float]] = field(default_factory=dict)
    failed: str = ""


def ends_table(rows: Sequence[Row]) -> str:
    """SQNR of the outputs to FP32."""
    titles = ("eager", "emulated tensor", "tensor, bias apart", "compiled", "emulated unit", "unit, products apart")
    lines = ["| network | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for row in rows:
        if row.ends:
            lines.append(f"| {row.name} | " + " | ".join(f"{row.ends[way]:.1f}" for way in WAYS) + " |")
        else:
            lines.append(f"| {row.name} | {row.failed} |" + " |" * (len(titles) - 1))
    return "\n".join(lines) + "\n"


def units_table(rows: Sequence[Row]) -> str:
    """How the errors of units compare: rank correlation, median and 5th to 95th percentile of the ratio."""
    titles = [f"{real} / {emulated}" for real, emulated in PAIRS]
    lines = ["| network | units | not finite | " + " | ".join(titles) + " |", "|---" * (len(PAIRS) + 3) + "|"]
    for row in rows:
        if row.units:
            count = len(row.units["eager"])
            infinite = {way: int(np.isinf(errors).sum()) for way, errors in row.units.items()}
            broken = ", ".join(f"{way} {number}" for way, number in infinite.items() if number)
            cells = [compared(row.units[real], row.units[emulated]) for real, emulated in PAIRS]
            lines.append(f"| {row.name} | {count} | {broken or 'none'} | " + " | ".join(cells) + " |")
        elif row.ends and row.failed:
            lines.append(f"| {row.name} | {row.failed} |" + " |" * (len(PAIRS) + 1))
    return "\n".join(lines) + "\n"


def compared(real: Sequence[float], emulated: Sequence[float]) -> str:
    """``r 0.999, 1.00 (0.97–1.03)``: of the units at which both err, and finitely."""
    pairs = np.array([pair for pair in zip(real, emulated, strict=True) if min(pair) > 0 and np.isfinite(pair).all()])
    if len(pairs) < 3:
        return "too few"
    ranks = pairs.argsort(axis=0).argsort(axis=0)
    correlation = float(np.corrcoef(ranks[:, 0], ranks[:, 1]).item(0, 1))
    low, middle, high = np.percentile(pairs[:, 0] / pairs[:, 1], [5, 50, 95])
    return f"r {correlation:.3f}, {middle:.2f} ({low:.2f}–{high:.2f})"

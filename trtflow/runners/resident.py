"""How much memory this process holds and has held, where the system tells: a budget that was exceeded is said so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("/proc/self/status")
TOLERANCE = 1.1
"""Of a budget: what the benchmark holds it to."""


@dataclass(frozen=True)
class Resident:
    """Bytes that are held ``now``, and the ``most`` that were held so far."""

    now: int
    most: int


def resident() -> Resident | None:
    """What this process holds; None where no system tells."""
    if not STATUS.exists():
        return None
    found = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", STATUS.read_text(encoding="ascii"), re.MULTILINE))
    return Resident(1024 * int(found["VmRSS"]), 1024 * int(found["VmHWM"])) if len(found) == 2 else None


def overrun(before: Resident | None, after: Resident | None, memory: int) -> str:
    """The sentence to log where more than ``memory`` bytes, and a tenth, were taken since ``before``; else nothing.

    Where a peak lies before that, nobody can tell.
    """
    if before is None or after is None or after.most <= before.most:
        return ""
    used = after.most - before.now
    if used <= TOLERANCE * memory:
        return ""
    found, given = used / 1e6, memory / 1e6
    return (
        f"memory: {found:.0f} MB were used where {given:.0f} MB were given: sessions, and what kernels work in, "
        f"come on top of tensors and weights. The figures hold; reckon with {found:.0f} MB."
    )

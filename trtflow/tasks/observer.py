"""What reading layers does to an engine: marks end fusions, so that another engine may be what is read."""

from __future__ import annotations

from collections.abc import Iterator

from trtflow.tasks.documents import Documents

DECISIVE = 0.01
"""A change of the outputs (relative root mean square) beyond what another order of rounding makes of FP16."""
INSTEAD = (
    "its layers' figures are of another engine than the one without marks; `trt: {capture: unfused-debug}` (TensorRT "
    "10.12 and later) reads it as it is built, and the emulator's figures know no fusion"
)


def observed(name: str, effect: float) -> str:
    """What reading the layers of ``name`` changes of its outputs, and what to do where that is much."""
    told = f"{name}: reading its layers changes its own outputs by {effect:.3g} of their root mean square"
    return f"{told}: {INSTEAD}" if effect > DECISIVE else told


def observer_mark(documents: Documents) -> Iterator[str]:
    """That an engine computes something else while it is read."""
    found = documents.statistics.observer if documents.statistics else {}
    yield from (observed(name, effect) for name, effect in found.items() if effect > DECISIVE)

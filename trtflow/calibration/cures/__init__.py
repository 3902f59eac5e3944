"""Where cures are tried, one module each; what they do to a network is in ``trtflow.cures``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from trtflow.calibration.cures import clipping, correction, rescaling
from trtflow.calibration.cures.bench import Bench, Trial


class CureTrials(Protocol):
    """One way to cure."""

    def places(self, bench: Bench) -> Mapping[str, Callable[[], Trial]]:
        """Where it is worth trying, in order, and what tries it there."""
        ...


ROUNDS: Mapping[str, tuple[CureTrials, ...]] = {
    "range": (rescaling,),
    "weights": (clipping, correction),
}
"""What is changed → the cures that change it, which take turns at each place; a round begins when the last is over.

Whatever changes the network stands before what belongs to its quantized nodes.
"""

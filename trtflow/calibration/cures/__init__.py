"""Where cures are tried; what they do to a network, or propose for a node, is in ``trtflow.cures``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from trtflow.calibration.cures import rescaling
from trtflow.calibration.cures.bench import Bench, Trial
from trtflow.calibration.cures.nodes import NodeTrials
from trtflow.cures import NODE_CURES


class CureTrials(Protocol):
    """One way to cure."""

    def places(self, bench: Bench) -> Mapping[str, Callable[[], Trial]]:
        """Where it is worth trying, in order, and what tries it there."""
        ...


ROUNDS: Mapping[str, tuple[CureTrials, ...]] = {
    "range": (rescaling,),
    "weights": tuple(map(NodeTrials, NODE_CURES)),
}
"""What is changed → the cures that change it, which take turns at each place; a round begins when the last is over.

Whatever changes the network stands before what belongs to its quantized nodes.
"""

"""Infinities inside a plan that is accurate all the same: what mends them, and whether that is shown to be harmless.

exp(12) is infinite in FP16, and the tanh behind it makes 1 of that as it does of the true value: harmless. 1/√inf is
0 where FP32 has no zero; that the end metrics do not mind it on these samples proves nothing for others. An infinity
is shown to be harmless where every node that makes finite values of it has a limit there or drops it, and gives what
FP32 gives. NaN is near no number: it must be dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

DROPS = frozenset(
    {
        *("Compress", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND"),
        *("Identity", "Pad", "Reshape", "ReverseSequence", "ScatterElements", "ScatterND", "Shape", "Size", "Slice"),
        *("SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Trilu", "Unsqueeze", "Where"),
    }
)
"""Operators that move and choose values by something else than these: what they leave out has no effect."""

SATURATES = frozenset(
    {
        *(
            "Atan",
            "Attention",
            "Celu",
            "Clip",
            "Elu",
            "Erf",
            "Exp",
            "GlobalMaxPool",
            "Greater",
            "GreaterOrEqual",
            "HardSigmoid",
        ),
        *(
            "Less",
            "LessOrEqual",
            "Max",
            "MaxPool",
            "Min",
            "ReduceLogSumExp",
            "ReduceMax",
            "ReduceMin",
            "Relu",
            "Selu",
        ),
        *("Sigmoid", "Sign", "Softmax", "Softplus", "Tanh", "ThresholdedRelu"),
    }
)
"""Operators with a finite limit where an argument grows without end: that of infinity is that of a large number."""

OUTPUT = "the network's output"


@dataclass(frozen=True)
class Reading:
    """What ``node`` makes, on all samples, of the values of ``tensor`` that are finite in FP32 alone.

    overflows: the tensor as it is stored is finite; what ``node`` reads of it, rounded, is not
    goes_on:   some of what ``node`` writes is not finite either
    lost:      some of it is finite; ``nan``: where a NaN was
    agrees:    there it is what FP32 has

    ``source`` writes the tensor, or is empty for an input of the network. An output that is not finite is a reading
    by no node, and is lost.
    """

    tensor: str
    source: str
    node: str
    op: str
    overflows: bool = False
    goes_on: bool = False
    lost: bool = False
    nan: bool = False
    agrees: bool = True

    @property
    def harmless(self) -> bool:
        """Whether nothing wrong comes of this step."""
        return not self.lost or (self.agrees and self.op in (DROPS if self.nan else DROPS | SATURATES))


@dataclass(frozen=True)
class Inside:
    """Where a plan is not finite and FP32 is: the tensors it has so, and what their readers make of them.

    ``beyond``: those of ``tensors`` that no better input would mend, as the format cannot hold FP32's values either.
    ``order`` holds all layers' nodes in topological order.
    """

    order: tuple[str, ...]
    tensors: frozenset[str] = frozenset()
    beyond: frozenset[str] = frozenset()
    readings: tuple[Reading, ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that write such values, or read them where only their own rounding makes them infinite."""
        found = {reading.node if reading.overflows else reading.source for reading in self.readings}
        return tuple(node for node in self.order if node in found)

    @property
    def mended(self) -> tuple[Reading, ...]:
        """Where values become finite again and nothing is wrong about it."""
        return tuple(reading for reading in self.readings if reading.lost and reading.harmless)

    @property
    def unshown(self) -> tuple[Reading, ...]:
        """Where values become finite again, and it is not shown to be harmless."""
        return tuple(reading for reading in self.readings if not reading.harmless)


def culprits(inside: Inside) -> frozenset[str]:
    """The nodes to put into high precision, so that what is ``unshown`` has nothing to lose.

    Those where the infinities begin; and where FP32's own values exceed the format, who writes and reads these.
    """
    found = {reading.node for reading in inside.unshown if reading.overflows}
    for tensor in _upstream(inside.readings, {reading.tensor for reading in inside.unshown}):
        readers = [reading for reading in inside.readings if reading.tensor == tensor]
        found |= {reading.node for reading in readers if reading.overflows and reading.goes_on}
        if tensor in inside.beyond or (tensor in inside.tensors and not _feeding(inside.readings, readers)):
            found |= {reading.source for reading in readers}
        if tensor in inside.beyond:
            found |= {reading.node for reading in readers if reading.goes_on or not reading.harmless}
    return frozenset(found - {""})


def _upstream(readings: Collection[Reading], tensors: Iterable[str]) -> frozenset[str]:
    """``tensors``, and those whose values went on into them."""
    found: set[str] = set()
    pending = set(tensors)
    while pending:
        found |= pending
        into = {reading.source for reading in readings if reading.tensor in pending}
        pending = {reading.tensor for reading in readings if reading.goes_on and reading.node in into} - found
    return frozenset(found)


def _feeding(readings: Iterable[Reading], readers: Iterable[Reading]) -> bool:
    """Whether what is not finite in a tensor with these ``readers`` came from another one."""
    sources = {reading.source for reading in readers}
    return any(reading.goes_on and reading.node in sources for reading in readings)

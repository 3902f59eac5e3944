"""What an export is made from: a decision, and of the model and the target what constraints.yaml does not hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trtflow.data import Port
from trtflow.errors import PlanError
from trtflow.files.constraints import Constraints
from trtflow.files.names import NamesTable
from trtflow.precision import INT8

Version = tuple[int, int, int]
TENSORRT: Version = (10, 13, 3)


@dataclass(frozen=True)
class Decision:
    """A decision on its way to another tool.

    ``inputs`` and ``outputs`` are the model's, empty where there is no model at hand. ``tensorrt`` is the version
    that will read the export. ``made``: node → the tensors that it makes, and ``names`` the layers that a parser made
    of the nodes: both empty without a model, and ``names`` without a parser. ``renamed``: the model's own file lacks
    some names of nodes or has them twice, so that the one with unique names is to be used.
    ``largest_batch``: what an engine's profile takes, where it is known.
    """

    constraints: Constraints
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    tensorrt: Version = TENSORRT
    made: Mapping[str, Sequence[str]] = field(default_factory=dict)
    names: NamesTable = field(default_factory=NamesTable)
    renamed: bool = False
    largest_batch: int | None = None

    @property
    def has_int8(self) -> bool:
        """Whether any node is in INT8: without one, ranges of activations say nothing."""
        return any(node.precision == INT8 for node in self.constraints.nodes.values())

    @property
    def ranges(self) -> dict[str, float]:
        """Activation → amax, those that are positive and finite: TensorRT builds on no others.

        Raises:
            PlanError: a tensor's name holds a line break.
        """
        scales = self.constraints.scales
        broken = [name for name in scales if "\n" in name]
        if broken:
            raise PlanError(f"{broken[0]!r}: a tensor's name with a line break cannot be written.")
        return {name: float(amax) for name, amax in scales.items() if math.isfinite(amax) and amax > 0}


def parse_version(text: str) -> Version:
    """``8.6.1`` as numbers.

    Raises:
        PlanError: it is no version of TensorRT.
    """
    parts = text.split(".")[:3]
    if len(parts) < 3 or not all(part.isdecimal() for part in parts):
        raise PlanError(f"{text!r} is no version of TensorRT; expected three numbers, as in 8.6.1.")
    return int(parts[0]), int(parts[1]), int(parts[2])

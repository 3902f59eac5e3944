"""Whether an engine is what its plan asked for, read off the layers that were built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from trtflow.errors import BuildError
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, QUANTIZED, ROWS, Precision, label
from trtflow.text import listed
from trtflow.trt.inspector import EngineLayer

Status = Literal["honoured", "fused", "not honoured", "unknown"]
OPAQUE = "ForeignNode["
"""In the name of a layer of which older versions do not tell what is inside."""


@dataclass(frozen=True)
class Constraint:
    """What became of one ``node`` for which ``asked`` was asked.

    ``built``: the precisions that its layers read and write. ``fused``: they hold other nodes as well, so that what
    it computes in does not show. ``not honoured`` (R25): they read or write another precision, ``FP16`` say though
    the node is kept in FP32. ``unknown``: no layer names it; it was folded, or the engine keeps no metadata.
    """

    node: str
    asked: Precision
    status: Status
    built: tuple[Precision, ...] = ()
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Honoured:
    """What became of all constraints, in the order of the nodes."""

    constraints: tuple[Constraint, ...] = ()

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many of each status there are."""
        found = Counter(constraint.status for constraint in self.constraints)
        return {status: found[status] for status in get_args(Status)}

    def having(self, status: Status) -> tuple[Constraint, ...]:
        """Those of one status."""
        return tuple(constraint for constraint in self.constraints if constraint.status == status)

    def __str__(self) -> str:
        return ", ".join(f"{count} {status}" for status, count in self.counts.items() if count)


def honoured(layers: Sequence[EngineLayer], plan: PrecisionPlan, nodes: Iterable[str]) -> Honoured:
    """What ``layers`` made of ``plan`` for ``nodes``, those of the ONNX file that take a precision.

    Raises:
        BuildError: nothing in the engine has the low precision that was asked for.
    """
    asked = {node: plan.precision(node) for node in nodes}
    holding: dict[str, list[EngineLayer]] = {node: [] for node in asked}
    for layer in layers:
        for node in layer.nodes if not layer.copies else ():
            if node in holding:
                holding[node].append(layer)
    found = Honoured(tuple(_constraint(node, holding[node], asked) for node in asked))
    _require_low(layers, found)
    return found


def _constraint(node: str, layers: Sequence[EngineLayer], asked: Mapping[str, Precision]) -> Constraint:
    statuses = {_status(layer, asked[node], asked) for layer in layers}
    worst: tuple[Status, ...] = ("not honoured", "fused", "honoured")
    status: Status = next((status for status in worst if status in statuses), "unknown")
    built = sorted({precision for layer in layers for precision in layer.precisions})
    return Constraint(node, asked[node], status, tuple(built), tuple(layer.name for layer in layers))


def _status(layer: EngineLayer, wanted: Precision, asked: Mapping[str, Precision]) -> Status:
    """What ``layer`` says of a node in it. Nodes that no plan names, Casts say, explain tensors of other types."""
    if OPAQUE in layer.name or {asked.get(node, wanted) for node in layer.nodes} != {wanted}:
        return "fused"
    if not layer.precisions:
        return "unknown"
    if _agrees(layer, wanted):
        return "honoured"
    return "not honoured" if asked.keys() >= {*layer.nodes} else "fused"


def _agrees(layer: EngineLayer, wanted: Precision) -> bool:
    """What computes in FP32 reads and writes nothing else; what computes lower reads that precision."""
    if wanted == FP32:
        return layer.precisions == {FP32}
    read = {tensor.precision for tensor in layer.inputs if tensor.precision}
    return wanted in (read or layer.precisions)


def _require_low(layers: Sequence[EngineLayer], found: Honoured) -> None:
    """FP16 asked and FP32 built is the worst silent failure; where layers hide what they compute in, no proof."""
    built = {precision for layer in layers for precision in layer.precisions}
    asked = {constraint.asked for constraint in found.constraints} - {FP32}
    hidden = found.counts["fused"] or any(OPAQUE in layer.name for layer in layers)
    missing = sorted(asked - built, key=[*ROWS].index)
    if missing and not hidden:
        raise BuildError(
            f"{listed([label(name) for name in missing])} was asked for, and no layer of the engine has it: "
            f"{listed([label(name) for name in sorted(built)]) or 'no float'} was built. {''.join(_remedy(missing))}"
        )


def _remedy(missing: Iterable[Precision]) -> Iterator[str]:
    if QUANTIZED.isdisjoint(missing):
        yield "Build the rewritten ONNX strongly typed (`typing: strong`), or with the precision's flag below 11."
    else:
        yield "Quantize the ONNX with Q/DQ pairs (`typing: strong`), or give ranges and the flag below 11."

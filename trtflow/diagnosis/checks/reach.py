"""How far a network's input must reach at least, as the network itself tells.

What the graph subtracts and divides by was computed from such inputs, and a BatchNormalization remembers what it saw.
Behind a convolution that bounds the input from below: no output exceeds the input's magnitude times the sum of the
weights' magnitudes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from trtflow.diagnosis.checks.kinds import Kind
from trtflow.model.first_layers import Reader

SUBTRACTED, DIVIDED = 1.0, 100.0  # means and divisors from here on are those of inputs that are not normalised yet


@dataclass(frozen=True)
class Reach:
    """The magnitude that inputs have at least, and the sentence's part that says why."""

    amax: float
    why: str


def expected_reach(readers: Iterable[Reader], kind: Kind | None) -> Reach | None:
    """The farthest that anything behind an input asks for; None where nothing tells.

    Of an input of no ``kind`` arithmetic tells nothing: a graph subtracts and divides for many reasons.
    """
    known = [reader for reader in readers if np.isfinite(reader.scale).all()]
    found = [reach for reader in known for reach in (*_remembered(reader), *(_subtracted(reader) if kind else ()))]
    return max(found, key=lambda reach: reach.amax, default=None)


def _subtracted(reader: Reader) -> Iterator[Reach]:
    scale = np.abs(reader.scale)
    mean, divisor = float(np.max(np.abs(reader.shift) / scale)), float(np.max(1 / scale))
    if mean > SUBTRACTED:
        yield Reach(mean, f"the graph takes {mean:.4g} for its mean")
    if divisor >= DIVIDED:
        yield Reach(divisor, f"the graph divides it by {divisor:.4g}")


def _remembered(reader: Reader) -> Iterator[Reach]:
    seen = _trained(reader)
    if seen is not None:
        least = (seen[1] - float(np.max(np.abs(reader.shift)))) / float(np.max(np.abs(reader.scale)))
        yield Reach(least, f"the statistics of {seen[0]} come from inputs of {least:.4g} and more")


def _trained(reader: Reader) -> tuple[str, float] | None:
    """The BatchNormalization at or behind the ``reader``, and the magnitude that the reader must have been fed."""
    if reader.node.op_type == "BatchNormalization":
        rms = _rms(reader, reader.node)
        return None if rms is None else (reader.node.name, median(rms.tolist()))
    weight = reader.constant(1)
    behind = [node for node in reader.scope.graph.node if node.input and node.input[0] == reader.node.output[0]]
    if reader.node.op_type != "Conv" or weight is None or [node.op_type for node in behind] != ["BatchNormalization"]:
        return None
    rms = _rms(reader, behind[0])
    gain = np.abs(weight).reshape(len(weight), -1).sum(1)
    bias = reader.constant(2)
    offset = np.zeros(1) if bias is None else np.abs(bias)
    alive = gain > 0
    if rms is None or not alive.any():
        return None
    return behind[0].name, median(((rms - offset) / np.where(alive, gain, 1))[alive].tolist())


def _rms(reader: Reader, node: NodeProto) -> NDArray[np.float64] | None:
    """The root mean square of each channel in training; None where the statistics are those of no training."""
    mean, variance = (reader.value(name) for name in node.input[3:5])
    if mean is None or variance is None or not (mean.any() or (variance != 1).any()):
        return None
    return np.hypot(mean, np.sqrt(np.abs(variance)))

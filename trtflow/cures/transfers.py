"""Where range can move between layers: an activation's channels over factors, the weights that read it times them.

Factors are powers of two, which round nothing: the network computes the same in FP32, bit for bit. In INT8 a channel
with a wide range no longer takes the codes from the others. Between layers with nothing but positively homogeneous
operators (Relu, max pooling) this is cross-layer equalisation (Nagel et al., 2019); behind a LayerNorm it is
SmoothQuant (Xiao et al., 2023). Both are one rewrite:

1. Every reader of the tensor must be a linear operator with constant weights, which takes the factors.
2. Going back from the tensor through homogeneous operators, each read once, there must be something constant that
   takes their inverse: a linear operator's weights and bias, BatchNormalization or LayerNormalization, or the
   constant Mul and Add of one spelt out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import onnx

from trtflow.model.analysis import Analysis, analyse
from trtflow.model.scopes import Key, Scope
from trtflow.model.types import attribute_int
from trtflow.model.units import LINEAR, readers

Kind = Literal["equalisation", "migration"]

HOMOGENEOUS = frozenset({"Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "Identity"})
NORMS: Mapping[str, tuple[int, ...]] = {"BatchNormalization": (1, 2), "LayerNormalization": (1, 2)}
"""The inputs of a normalisation that scale its output: scale and shift."""


@dataclass(frozen=True)
class Slot:
    """One constant input of a node."""

    node: str
    index: int


@dataclass(frozen=True)
class Transfer:
    """A tensor whose channels (along ``axis``, ``channels`` of them) can be rescaled.

    ``sources`` take the inverse of the factors along their output channels, ``targets`` the factors along their
    input channels. ``kind``: equalisation, or migration where a normalisation is the source.
    """

    tensor: str
    axis: int
    channels: int
    sources: tuple[Slot, ...]
    targets: tuple[Slot, ...]
    kind: Kind

    @property
    def readers(self) -> tuple[str, ...]:
        """The nodes that read the tensor."""
        return tuple(target.node for target in self.targets)


def transfers(model: onnx.ModelProto) -> tuple[Transfer, ...]:
    """Every tensor of the main graph that the two conditions hold for, in topological order."""
    finder = _Finder(analyse(model))
    found = (finder.transfer(name) for node in model.graph.node for name in node.output if name)
    return tuple(transfer for transfer in found if transfer is not None)


class _Finder:
    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._main: Scope = analysis.scopes[0]
        self._readers: dict[Key, list[str]] = readers(analysis)

    def transfer(self, tensor: str) -> Transfer | None:
        """The transfer at ``tensor``; None when a condition does not hold."""
        targets = [self._target(reader, tensor) for reader in self._readers.get(self._main.key(tensor), [""])]
        found = [target for target in targets if target is not None]
        if not found or len(found) < len(targets):
            return None
        node = self._analysis.by_name[found[0].node][1]
        axis = 1 if node.op_type in ("Conv", "ConvTranspose") else -1
        kinds = {self._analysis.by_name[target.node][1].op_type in ("Conv", "ConvTranspose") for target in found}
        channels = {self._channels(target) for target in found}
        traced = self._sources(tensor, axis) if len(kinds) == len(channels) == 1 else None
        if traced is None:
            return None
        return Transfer(tensor, axis, channels.pop(), traced[0], tuple(found), traced[1])

    def _target(self, reader: str, tensor: str) -> Slot | None:
        """The weight of ``reader``, if it reads ``tensor`` as its data and nothing else of it."""
        if not reader or reader not in self._analysis.by_name:
            return None
        scope, node = self._analysis.by_name[reader]
        if scope is not self._main or node.op_type not in LINEAR or list(node.input).count(tensor) != 1:
            return None
        if node.input[0] != tensor or attribute_int(node, "transA") or self._main.constant(node.input[1]) is None:
            return None
        held = self._main.constant(node.input[1])
        return Slot(reader, 1) if held is not None and (node.op_type != "MatMul" or len(held.dims) == 2) else None

    def _channels(self, target: Slot) -> int:
        node = self._analysis.by_name[target.node][1]
        held = self._main.constant(node.input[1])
        assert held is not None  # noqa: S101 - checked when the target was found
        if node.op_type == "Conv":
            return int(held.dims[1]) * (attribute_int(node, "group") or 1)
        return int(held.dims[1 if node.op_type == "Gemm" and attribute_int(node, "transB") else 0])

    def _sources(self, tensor: str, axis: int) -> tuple[tuple[Slot, ...], Kind] | None:
        """What takes the inverse, and the kind of the transfer."""
        node = self._main.producer(tensor)
        shifts: list[Slot] = []
        while node is not None and (node.op_type in HOMOGENEOUS or self._is_shift(node)):
            if node.op_type == "Add":
                slot = 1 if self._main.constant(node.input[1]) is not None else 0
                if not self._fits(node.input[slot], axis):
                    return None
                shifts.append(Slot(node.name, slot))
                tensor = node.input[1 - slot]
            else:
                tensor = node.input[0]
            if len(self._readers.get(self._main.key(tensor), ())) != 1:
                return None
            node = self._main.producer(tensor)
        found = self._end(node, axis) if node is not None else None
        return None if found is None else ((*found[0], *shifts), found[1])

    def _is_shift(self, node: onnx.NodeProto) -> bool:
        return node.op_type == "Add" and sum(self._main.constant(name) is not None for name in node.input) == 1

    def _end(self, node: onnx.NodeProto, axis: int) -> tuple[tuple[Slot, ...], Kind] | None:
        constant = [index for index, name in enumerate(node.input) if name and self._main.constant(name) is not None]
        if node.op_type in NORMS:
            slots = [index for index in NORMS[node.op_type] if index < len(node.input)]
            complete = set(slots) <= set(constant) and (axis == 1) == (node.op_type == "BatchNormalization")
            return (tuple(Slot(node.name, index) for index in slots), "migration") if complete else None
        if node.op_type == "Mul" and len(constant) == 1 and self._fits(node.input[constant[0]], axis):
            return ((Slot(node.name, constant[0]),), "migration")
        grouped = node.op_type == "ConvTranspose" and attribute_int(node, "group") > 1
        if node.op_type not in LINEAR or grouped or constant != list(range(1, len(node.input))):
            return None
        spatial = node.op_type in ("Conv", "ConvTranspose")
        flat = node.op_type != "Gemm" or len(node.input) < 3 or self._rank(node.input[2]) == 1
        return (
            (tuple(Slot(node.name, i) for i in constant), "equalisation") if spatial == (axis == 1) and flat else None
        )

    def _rank(self, name: str) -> int:
        held = self._main.constant(name)
        return -1 if held is None else len(held.dims)

    def _fits(self, name: str, axis: int) -> bool:
        """Whether the constant ``name`` broadcasts along the channels and no others: [C] at the end, or [C, 1, 1]."""
        held = self._main.constant(name)
        if held is None:
            return False
        dims = list(held.dims)
        return len(dims) == 1 if axis < 0 else len(dims) in (3, 4) and dims[-2:] == [1, 1]

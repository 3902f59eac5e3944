"""Where Q/DQ pairs go, and why: one table.

Facts: TensorRT's documentation, "Working with Quantized Types", on Q/DQ placement; issues of NVIDIA/TensorRT on
Q/DQ models slower than FP16 (#993, #2592, #3762); ModelOpt's ONNX quantizer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import onnx

from trtflow.model.analysis import Analysis
from trtflow.model.scopes import Key, Scope
from trtflow.model.types import attribute_int
from trtflow.model.units import GRAPH_OUTPUT, readers


def _conv_axis(node: onnx.NodeProto, slot: int, rank: int) -> int | None:
    return 0


def _transposed_axis(node: onnx.NodeProto, slot: int, rank: int) -> int | None:
    return None if attribute_int(node, "group") > 1 else 1


def _gemm_axis(node: onnx.NodeProto, slot: int, rank: int) -> int | None:
    if slot == 0:
        return None
    return 0 if attribute_int(node, "transB") else 1


def _matmul_axis(node: onnx.NodeProto, slot: int, rank: int) -> int | None:
    return 1 if slot == 1 and rank == 2 else None


def _no_axis(node: onnx.NodeProto, slot: int, rank: int) -> int | None:
    return None


@dataclass(frozen=True)
class Rule:
    """``axis``: node, slot and rank of a constant operand → the axis of its output channels, None for one scale."""

    axis: Callable[[onnx.NodeProto, int, int], int | None]
    why: str


RULES: Mapping[str, Rule] = {
    # The first two operands of these get a pair each, constants as codes with a DequantizeLinear behind them.
    "Conv": Rule(_conv_axis, "TensorRT fuses DQ, Conv, BatchNormalization, activation and Q into one INT8 kernel"),
    "ConvTranspose": Rule(_transposed_axis, "as Conv; with groups one scale, for axis 1 counts a group's channels"),
    "Gemm": Rule(_gemm_axis, "an INT8 matrix product; a scale per column of the result"),
    "MatMul": Rule(_matmul_axis, "as Gemm; two activations, as in attention, have one scale each"),
    "Add": Rule(_no_axis, "residuals: without a pair on the shortcut the sum is stored in high precision"),
}

# What gets no pair, and why. Biases: the kernel adds them to its INT32 sums, and an own rounding is a second one.
# Between Pad and Conv: TensorRT joins the two only when nothing stands between, so the pair goes before the Pad.
# Output layers, unless asked: nothing behind them averages their error, and the engine would only reformat them. The
# Add of a mask or a bias: no residual, and a mask's -1e4 leaves no codes for the scores. Pooling and Concat: TensorRT
# moves a Q through them, and one scale for unlike operands costs accuracy. Bodies of If, Loop and Scan: TensorRT does
# not fuse Q/DQ across their borders.

LINEAR = frozenset(RULES) - {"Add"}
BARRIERS = LINEAR | {"LSTM", "GRU", "RNN"}
"""Operators that a layer's output meets before it counts as no output layer any more."""


@dataclass(frozen=True)
class Weight:
    """A constant operand: its input slot, its tensor and the axis of its channels (None: one scale for all)."""

    slot: int
    tensor: str
    axis: int | None


@dataclass(frozen=True)
class Activation:
    """A computed operand: its tensor, and the node and slot that read it (a Pad's, when one stands in front)."""

    node: str
    slot: int
    tensor: str


@dataclass(frozen=True)
class Site:
    """A node that can be quantized, and what is quantized of it. ``is_output``: an output layer."""

    node: str
    op: str
    activations: tuple[Activation, ...]
    weights: tuple[Weight, ...]
    is_output: bool

    @property
    def tensors(self) -> tuple[str, ...]:
        """The activations' tensors, each once."""
        return tuple(dict.fromkeys(entry.tensor for entry in self.activations))


def sites(analysis: Analysis) -> tuple[Site, ...]:
    """The nodes of the main graph that can be quantized, in topological order; none where pairs are in it already."""
    if any(node.op_type == "QuantizeLinear" for _, node in analysis.by_name.values()):
        return ()  # a second rounding of what is rounded already
    finder = _Finder(analysis)
    found = (finder.site(info.name) for info in analysis.candidates if not info.scope)
    return tuple(site for site in found if site is not None)


class _Finder:
    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._main: Scope = analysis.scopes[0]
        self._readers: dict[Key, list[str]] = readers(analysis)

    def site(self, name: str) -> Site | None:
        scope, node = self._analysis.by_name[name]
        if node.op_type not in RULES or (node.op_type == "Add" and not self._is_residual(node)):
            return None
        weights, activations = [], []
        for slot, tensor in enumerate(node.input[:2]):
            held = scope.constant(tensor)
            if held is not None:
                axis = RULES[node.op_type].axis(node, slot, len(held.dims))
                weights.append(Weight(slot, tensor, axis))
            else:
                activations.append(self._before_pad(Activation(name, slot, tensor)))
        kept = [entry for entry in activations if entry is not None]
        if len(kept) < len(activations) or not kept or (not weights and node.op_type not in ("MatMul", "Add")):
            return None
        return Site(name, node.op_type, tuple(kept), tuple(weights), self._is_output(name))

    def _before_pad(self, entry: Activation) -> Activation | None:
        """``entry``, or the data that a Pad in front of it reads; None when others read the padded tensor too."""
        pad = self._main.producer(entry.tensor)
        if pad is None or pad.op_type != "Pad":
            return entry
        alone = len(self._readers[self._main.key(entry.tensor)]) == 1
        return Activation(pad.name, 0, pad.input[0]) if alone else None

    def _is_residual(self, node: onnx.NodeProto) -> bool:
        """Two activations of the same known rank and shape, one of them computed by a linear operator."""
        if any(self._main.constant(name) is not None for name in node.input):
            return False
        shapes = [self._analysis.types.of(self._main, name).shape for name in node.input]
        if shapes[0] is None or shapes[0] != shapes[1] or len(shapes[0]) < 2 or node.input[0] == node.input[1]:
            return False
        return any(_maker(self._main, name) for name in node.input)

    def _is_output(self, name: str) -> bool:
        """Whether an output of the graph is reached without another linear operator or a residual on the way."""
        pending, seen = [name], {name}
        while pending:
            for output in self._analysis.by_name[pending.pop()][1].output:
                for reader in self._readers.get(self._main.key(output), ()):
                    if reader == GRAPH_OUTPUT:
                        return True
                    node = self._analysis.by_name[reader][1]
                    if reader not in seen and node.op_type not in BARRIERS and not self._joins(node):
                        seen.add(reader)
                        pending.append(reader)
        return False

    def _joins(self, node: onnx.NodeProto) -> bool:
        return node.op_type == "Add" and self._is_residual(node)


def site_units(analysis: Analysis, found: Sequence[Site]) -> tuple[tuple[str, ...], ...]:
    """The nodes of ``found`` in groups that an engine fuses: a residual sum belongs to what makes its operand."""
    main, groups = analysis.scopes[0], {site.node: [site.node] for site in found if site.op != "Add"}
    for site in (site for site in found if site.op == "Add"):
        maker = next((node for name in reversed(site.tensors) if (node := _maker(main, name)) in groups), None)
        groups.setdefault(maker or site.node, []).append(site.node)
    return tuple(tuple(nodes) for nodes in groups.values())


def suspicions(found: Iterable[Site]) -> dict[str, float]:
    """Whom to suspect first: residual sums. They add up every error before them and hold no multiply-adds."""
    return {site.node: inf for site in found if site.op == "Add"}


def _maker(main: Scope, name: str) -> str:
    """The linear node behind ``name``, but for operators with one activation; "" when there is none."""
    node = main.producer(name)
    while node is not None and node.op_type not in LINEAR:
        computed = [source for source in node.input if source and main.constant(source) is None]
        node = main.producer(computed[0]) if len(computed) == 1 else None
    return node.name if node is not None else ""

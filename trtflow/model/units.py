"""Units: the nodes that an engine computes in one kernel, which a search moves together.

A unit is found by a row of operators, walked from its first node: each following operator must read what the
unit made so far (or what its first node reads), and nothing but the last output may leave the unit. That is when
TensorRT can keep the values between the operators in registers, unrounded. The DequantizeLinear nodes that feed a
unit belong to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx

from trtflow.model.analysis import Analysis, analyse
from trtflow.model.dequantized import tied_groups
from trtflow.model.scopes import Key, Scope

Row = tuple[str, ...]
"""Operators in order. ``A|B``: either. ``A.c``: with a constant operand. ``A?``: may be absent."""

_SQUARE = ("Pow.c|Mul",)
_ROOT = ("Add.c", "Sqrt")

NORMS: tuple[Row, ...] = (
    # LayerNorm: (x - mean) / sqrt(mean((x - mean)²) + eps) · scale + bias, as PyTorch exports it below opset 17.
    ("ReduceMean", "Sub", *_SQUARE, "ReduceMean", *_ROOT, "Div", "Mul.c?", "Add.c?"),
    ("ReduceMean", "Sub", "Sub?", *_SQUARE, "ReduceMean", *_ROOT, "Reciprocal", "Mul", "Mul.c?", "Add.c?"),
    # RMSNorm: x / sqrt(mean(x²) + eps) · scale.
    (*_SQUARE, "ReduceMean", *_ROOT, "Div", "Mul.c?"),
    (*_SQUARE, "ReduceMean", *_ROOT, "Reciprocal", "Mul", "Mul.c?"),
    # L2 normalisation.
    ("ReduceL2", "Clip|Max.c|Add.c?", "Expand?", "Div"),
)

ATTENTION: tuple[Row, ...] = (("MatMul", "Mul.c|Div.c?", "Add|Where?", "Softmax"),)

LINEAR = ("Conv", "ConvTranspose", "Gemm", "MatMul")
EPILOGUE: Row = ("Add.c?", "BatchNormalization?")

ACTIVATIONS: tuple[Row, ...] = (
    ("Div.c|Mul.c", "Erf", "Add.c", "Mul", "Mul.c"),  # Gelu, erf form
    ("Div.c|Mul.c", "Erf", "Add.c", "Mul.c", "Mul"),
    ("Mul.c", "Div.c|Mul.c", "Erf", "Add.c", "Mul"),
    ("Pow.c", "Mul.c", "Add", "Mul.c", "Tanh", "Add.c", "Mul.c", "Mul"),  # Gelu, tanh form
    ("Pow.c", "Mul.c", "Add", "Mul.c", "Tanh", "Add.c", "Mul", "Mul.c"),
    ("Add.c", "Clip|Relu", "Mul", "Div.c|Mul.c"),  # HardSwish spelt out
    ("Add.c", "Clip", "Div.c|Mul.c", "Mul"),
    ("Sigmoid|HardSigmoid", "Mul"),  # SiLU, HardSwish
    ("Softplus", "Tanh", "Mul"),  # Mish
    ("Relu|Clip|LeakyRelu|PRelu|Elu|Selu|Celu|HardSwish|Gelu|Mish|Swish",),
    ("Sigmoid|HardSigmoid|Tanh|Softplus|Softsign|ThresholdedRelu",),
)


@dataclass(frozen=True)
class Unit:
    """Candidate nodes that stand or fall together, in topological order. ``id`` counts from 0 in that order."""

    id: int
    nodes: tuple[str, ...]


def units(model: onnx.ModelProto) -> tuple[Unit, ...]:
    """All candidates of ``model``, each in exactly one unit; a node that no row matches is a unit of its own."""
    return found_units(analyse(model))


def found_units(analysis: Analysis) -> tuple[Unit, ...]:
    """``units`` of a model that is analysed already."""
    finder = _Finder(analysis)
    groups = [group for node in analysis.candidates if (group := finder.take(node.name))]
    return tuple(Unit(number, group) for number, group in enumerate(finder.joined(groups)))


class _Finder:
    """Walks the candidates once; ``_free`` are those in no unit yet, in topological order."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._order = {node.name: place for place, node in enumerate(analysis.candidates)}
        self._free = dict.fromkeys(self._order)
        self._readers = readers(analysis)

    def take(self, name: str) -> tuple[str, ...]:
        """The unit that begins at ``name``; () when the node is in one already."""
        if name not in self._free:
            return ()
        nodes = self._norm(name) or self._linear(name) or self._activation(name) or [name]
        for node in nodes:
            del self._free[node]
        return tuple(sorted(nodes, key=self._order.__getitem__))

    def joined(self, groups: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """``groups``, those that tied nodes lie in made one, at the place of its first node."""
        parts = {node: set(group) for group in groups for node in group}
        for together in tied_groups(self._analysis, self._readers):
            whole = set().union(*(parts[node] for node in together))
            parts.update(dict.fromkeys(whole, whole))
        whole_groups = dict.fromkeys(tuple(sorted(part, key=self._order.__getitem__)) for part in parts.values())
        return sorted(whole_groups, key=lambda group: self._order[group[0]])

    def _norm(self, name: str) -> list[str]:
        for row in (*NORMS, *ATTENTION):
            nodes = self._match([], row, name)
            if nodes and self._is_closed(nodes):
                return nodes
        return []

    def _linear(self, name: str) -> list[str]:
        if self._analysis.by_name[name][1].op_type not in LINEAR:
            return []
        nodes = [name]
        for token in EPILOGUE:
            nodes = self._match(nodes, (token,), None) or nodes
        return self._with_activation(nodes)

    def _with_activation(self, nodes: list[str]) -> list[str]:
        for row in ACTIVATIONS:
            longer = self._match(nodes, row, None)
            if longer and self._is_closed(longer):
                return longer
        return nodes

    def _activation(self, name: str) -> list[str]:
        """An activation on its own that exporters spell with several nodes."""
        for row in ACTIVATIONS:
            nodes = self._match([], row, name) if len(row) > 1 else []
            if nodes and self._is_closed(nodes):
                return nodes
        return []

    def _match(self, nodes: list[str], row: Sequence[str], first: str | None) -> list[str]:
        """``nodes`` and those that ``row`` adds, the first of them being ``first`` if given; [] for no match."""
        if not row:
            return nodes if nodes else []
        token, rest = row[0], row[1:]
        for name in [first] if first is not None else self._next(nodes):
            grown = self._match([*nodes, name], rest, None) if self._fits(name, token.rstrip("?")) else []
            if grown and (rest or self._is_closed(grown)):
                return grown
        if token.endswith("?") and first is None:
            return self._match(nodes, rest, None)
        return []

    def _next(self, nodes: list[str]) -> Iterator[str]:
        """Free nodes that read what ``nodes`` made, latest first, or what the first of them reads."""
        seen: set[str] = set(nodes)
        scope, head = self._analysis.by_name[nodes[0]]
        made = [name for node in reversed(nodes) for name in self._analysis.by_name[node][1].output]
        sources = [name for name in head.input if name and scope.constant(name) is None]
        for name in (*made, *sources):
            for reader in self._readers.get(scope.key(name), ()):
                if reader in self._free and reader not in seen and self._order[reader] > self._order[nodes[-1]]:
                    seen.add(reader)
                    yield reader

    def _fits(self, name: str, token: str) -> bool:
        scope, node = self._analysis.by_name[name]
        for option in token.split("|"):
            op, _, constant = option.partition(".")
            if node.op_type == op and (not constant or any(scope.constant(i) is not None for i in node.input)):
                return True
        return False

    def _is_closed(self, nodes: list[str]) -> bool:
        """Whether only the last node's outputs leave ``nodes``, all of one scope."""
        scope, _ = self._analysis.by_name[nodes[0]]
        members = set(nodes)
        for node in nodes[:-1]:
            home, proto = self._analysis.by_name[node]
            if home is not scope:
                return False
            for name in filter(None, proto.output):
                users = self._readers.get((scope.path, name), [])
                if not users or not members.issuperset(users):
                    return False
        return self._analysis.by_name[nodes[-1]][0] is scope


GRAPH_OUTPUT = ""
"""Stands among the readers of a tensor for the graph that returns it."""


def readers(analysis: Analysis) -> dict[Key, list[str]]:
    """Who reads each tensor: node names in topological order, and ``GRAPH_OUTPUT`` for a graph's output."""
    found: dict[Key, list[str]] = {}
    for scope in analysis.scopes:
        for node in scope.graph.node:
            for name in dict.fromkeys(filter(None, node.input)):
                found.setdefault(scope.key(name), []).append(node.name)
        for value in scope.graph.output:
            found.setdefault(scope.key(value.name), []).append(GRAPH_OUTPUT)
    return found


def inner_tensors(analysis: Analysis, unit: Unit, users: dict[Key, list[str]]) -> frozenset[Key]:
    """Tensors that ``unit`` makes and nobody outside reads."""
    members = set(unit.nodes)
    scope: Scope
    inner = set()
    for name in unit.nodes:
        scope, node = analysis.by_name[name]
        for output in filter(None, node.output):
            key = (scope.path, output)
            if users.get(key) and members.issuperset(users[key]):
                inner.add(key)
    return frozenset(inner)

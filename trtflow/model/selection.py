"""Outputs that depend on a selection: the best k, the survivors, the index of the largest.

Near ties change places there, so such outputs are no numbers to compare element by element. They are judged as sets
(``trtflow.numerics.matched``) and by ``before``: the float tensors on the border between what no selection has
touched and what one has, which is what the selecting nodes read, and what is picked by their indices.

Only what precision can change counts: a choice among token ids or sizes is always the same. A float output is a set
of rows where it has an axis that the selection made: of length k behind a TopK, else of a length that the network
decides. Others (values summed, or scattered back to their places) are numbers as ever, and so are floats behind an
ArgMax.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import onnx

from trtflow.model.analysis import Analysis, analyse
from trtflow.model.constants import values
from trtflow.model.operators import AS_PRODUCED
from trtflow.model.ports import mark_outputs
from trtflow.model.scopes import STANDARD_DOMAINS, subgraphs
from trtflow.model.stages import reads
from trtflow.model.types import attribute_int
from trtflow.numerics.matched import Group
from trtflow.precision import FLOAT_TYPES

SETS = frozenset({"TopK", "NonMaxSuppression", "NonZero", "Unique", "Compress"})
"""Operators that choose entries, and put them in an order or in a number that depends on values."""
PLACES = frozenset({"ArgMax", "ArgMin"})
"""Operators that decide at each place."""
_SCATTERS = frozenset({"Scatter", "ScatterElements", "ScatterND"})
"""What puts chosen entries back to where they came from."""
_MOVES = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
_LIMITS = ("max_output_boxes", "keepTopK")
"""Attributes of TensorRT's NMS plugins: how many rows they fill."""


@dataclass(frozen=True)
class Selection:
    """``groups`` of outputs that a selection decides, and ``before``: the float tensors in front of it.

    Integer outputs that nothing selects (an image in bytes, say) have their float tensors in ``before``, too.
    """

    groups: tuple[Group, ...] = ()
    before: tuple[str, ...] = ()

    @property
    def outputs(self) -> frozenset[str]:
        """All outputs that a selection decides."""
        return frozenset(name for group in self.groups for name in group.axes)


NOTHING = Selection()


def selection(model: onnx.ModelProto) -> Selection:
    """What of the outputs of ``model``, normalised, depends on a selection.

    Raises:
        ModelError: a node has no name, or the name of another.
    """
    traced = _Traced(analyse(model))
    groups = tuple(traced.groups())
    chosen = [name for group in groups for name in group.axes]
    integers = [value.name for value in model.graph.output if not traced.is_float(value.name)]
    return Selection(groups, tuple(traced.before([*chosen, *integers])))


def tapped(model: onnx.ModelProto, tensors: tuple[str, ...]) -> onnx.ModelProto:
    """``model`` with those of ``tensors`` that it has as further outputs, behind its own."""
    made = {name for node in model.graph.node for name in node.output}
    wanted = [name for name in tensors if name in made]
    return mark_outputs(model, wanted) if wanted else model


@dataclass
class _Traced:
    """The main graph, traced once from its inputs on.

    ``live``: tensors that depend on what the network is fed; ``rounded``: those of them that precision can change.
    ``by_set`` and ``by_any``: tensor → the last node that selected it.
    """

    analysis: Analysis
    live: set[str] = field(default_factory=set)
    rounded: set[str] = field(default_factory=set)
    by_set: dict[str, int] = field(default_factory=dict)
    by_any: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.main = self.analysis.scopes[0]
        self.nodes = list(self.main.graph.node)
        self.live.update(value.name for value in self.main.graph.input if value.name not in self.main.constants)
        self.rounded.update(name for name in self.live if self.is_float(name))
        for index, node in enumerate(self.nodes):
            self._trace(index, node)

    def is_float(self, name: str) -> bool:
        """Whether ``name`` holds FP32, or comes from elsewhere in another float format."""
        return self.analysis.types.of(self.main, name).elem in FLOAT_TYPES

    def _trace(self, index: int, node: onnx.NodeProto) -> None:
        read, outputs = reads(node), [name for name in node.output if name]
        if node.op_type in AS_PRODUCED or not read & self.live:
            return
        self.live.update(outputs)
        given = read & self.rounded
        self.rounded.update(outputs if given else filter(self.is_float, outputs))
        kinds = self._kinds(node) if given else frozenset()
        for table, own in ((self.by_set, SETS & kinds), (self.by_any, kinds)):
            last = index if own else max((table[name] for name in given if name in table), default=None)
            if last is not None and not (table is self.by_set and self._puts_back(node)):
                table.update(dict.fromkeys(outputs, last))

    def _kinds(self, node: onnx.NodeProto) -> frozenset[str]:
        """The selecting operators that ``node`` executes; a TopK of one is an ArgMax."""
        found = frozenset(_selecting(node))
        return found - SETS | PLACES if found and _limit(self.analysis, node) == 1 else found

    def _puts_back(self, node: onnx.NodeProto) -> bool:
        return node.op_type in _SCATTERS and node.input[1] in self.by_set

    def groups(self) -> Iterator[Group]:
        """The outputs by the node that decides them last."""
        axes: dict[int, dict[str, int | None]] = {}
        for value in self.main.graph.output:
            found = self._decided(value.name)
            if found is not None:
                axes.setdefault(found[0], {})[value.name] = found[1]
        for index, outputs in sorted(axes.items()):
            node = self.nodes[index]
            score = next((name for name in outputs if self._is_moved(name, node.output[0])), None)
            yield Group(node.name, node.op_type, outputs, score if node.op_type == "TopK" else None)

    def _decided(self, output: str) -> tuple[int, int | None] | None:
        """The node that decides ``output``, and the axis of its rows."""
        if output in self.by_set:
            node = self.nodes[self.by_set[output]]
            axis = self._row_axis(output, _limit(self.analysis, node))
            if axis is not None:
                return self.by_set[output], axis
        if output in self.by_any and not self.is_float(output):
            return self.by_any[output], None
        return None

    def _row_axis(self, output: str, limit: int | None) -> int | None:
        shape = self.analysis.types.of(self.main, output).shape
        if limit is not None:
            return shape.index(limit) if shape is not None and limit in shape else None
        if shape is None:
            return 0
        named = {d.dim_param for v in self.main.graph.input for d in v.type.tensor_type.shape.dim} - {""}
        decided = [axis for axis, dim in enumerate(shape) if not isinstance(dim, int) and dim not in named]
        return decided[0] if decided else None

    def _is_moved(self, name: str, source: str) -> bool:
        """Whether ``name`` holds the values of ``source``."""
        node = self.main.producer(name)
        while name != source and node is not None and node.op_type in _MOVES:
            name, node = node.input[0], self.main.producer(node.input[0])
        return name == source

    def before(self, outputs: list[str]) -> list[str]:
        """The float tensors, in topological order, that ``outputs`` come from and no selection has touched."""
        found: set[str] = set()
        pending, seen = list(outputs), set[str]()
        while pending:
            name = pending.pop()
            node = self.main.producer(name)
            if name in seen or name not in self.rounded or node is None:
                continue
            seen.add(name)
            if self.is_float(name) and name not in self.by_any:
                found.add(name)
            else:
                pending.extend(reads(node))
        own = {value.name for value in self.main.graph.output}
        return [name for node in self.nodes for name in node.output if name in found - own]


def _selecting(node: onnx.NodeProto) -> Iterator[str]:
    """The selecting operators that ``node`` executes, in its bodies too; a plugin is one by its name."""
    if node.domain not in STANDARD_DOMAINS:
        yield from ["NonMaxSuppression"] if "NMS" in node.op_type else []
    elif node.op_type in SETS | PLACES:
        yield node.op_type
    for _, body in subgraphs(node):
        for inner in body.node:
            yield from _selecting(inner)


def _limit(analysis: Analysis, node: onnx.NodeProto) -> int | None:
    """How many rows ``node`` chooses, where the graph says so."""
    if node.op_type != "TopK":
        return next((found for name in _LIMITS if (found := attribute_int(node, name))), None)
    held = analysis.scopes[0].constant(node.input[1]) if len(node.input) > 1 else None
    return attribute_int(node, "k") or None if held is None else int(values(held).reshape(-1)[0])

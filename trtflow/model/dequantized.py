"""DequantizeLinear and what it feeds: an engine makes one INT8 kernel of both only where no Cast stands between.

A DequantizeLinear writes the type of its scale (ONNX, TensorRT), so that it can have its reader's: what reads codes
and what dequantizes them have one precision. A DequantizeLinear with several readers would tie these to each other:
each gets its own when a model is loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import onnx

from trtflow.model.analysis import Analysis
from trtflow.model.edit import copied, fresh_names, replace_nodes
from trtflow.model.scopes import STANDARD_DOMAINS, Key
from trtflow.model.sliced import slices
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32

MOVES = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
"""Operators that engines look through: exporters put a Transpose between weights and their product."""

Users = Mapping[Key, Sequence[str]]


def tied_groups(analysis: Analysis, users: Users) -> tuple[frozenset[str], ...]:
    """Candidates that must have one precision.

    That is a node with each DequantizeLinear that it alone reads, and with what moves a Scan's slice to it (see
    ``slices``).
    """
    known = {info.name for info in analysis.candidates}
    group_of: dict[str, frozenset[str]] = {}
    moving = {user for key in slices(analysis.scopes) for user in users.get(key, ())}
    for info in analysis.candidates:
        if info.op == "DequantizeLinear" or (info.name in moving and info.op in MOVES):
            chain = tuple(_chain(analysis, users, known, info.name))
            joined = frozenset().union(*(group_of.get(name, frozenset({name})) for name in chain))
            group_of.update(dict.fromkeys(joined, joined))
    return tuple(dict.fromkeys(group for group in group_of.values() if len(group) > 1))


def _chain(analysis: Analysis, users: Users, known: Collection[str], name: str) -> Iterator[str]:
    """``name`` and what follows it, up to the first node that computes; each the only reader of the one before."""
    while name in known:
        yield name
        scope, node = analysis.by_name[name]
        if node.op_type not in {"DequantizeLinear", *MOVES}:
            return
        readers = users.get(scope.key(node.output[0]), ())
        name = readers[0] if len(readers) == 1 and analysis.by_name.get(readers[0], (None,))[0] is scope else ""


def tied(plan: PrecisionPlan, groups: Iterable[frozenset[str]]) -> PrecisionPlan:
    """``plan`` with each of ``groups`` in FP32 whose members it has in different precisions."""
    torn = (group for group in groups if len({plan.precision(node) for node in group}) > 1)
    return plan.assign({node for group in torn for node in group}, FP32)


def one_reader_each(model: onnx.ModelProto) -> list[str]:
    """Give every further reader of a DequantizeLinear in the main graph a copy of it, and say how many there are.

    The original stays with the first reader, and with the graph's outputs and bodies that read it.
    """
    graph, fresh = model.graph, fresh_names(model)
    shared = {value.name for value in graph.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in dict.fromkeys(node.input):
            readers.setdefault(name, []).append(node)
    nodes: list[onnx.NodeProto] = []
    copies = 0
    for node in graph.node:
        nodes.append(node)
        if node.op_type == "DequantizeLinear" and node.domain in STANDARD_DOMAINS:
            name = node.output[0]
            for reader in readers.get(name, [])[0 if name in shared else 1 :]:
                copy = copied(node)
                copy.name, copy.output[0] = fresh(node.name, "again"), fresh(name, "again")
                reader.input[:] = [copy.output[0] if given == name else given for given in reader.input]
                nodes.append(copy)
                copies += 1
    if not copies:
        return []
    replace_nodes(graph, nodes)
    return [f"{copies} DequantizeLinear nodes were added, so that each has one reader"]

"""Unique node names: plans, reports and engines speak of nodes by name alone."""

from __future__ import annotations

from collections import Counter

import onnx

from trtflow.model.edit import FreshNames
from trtflow.model.scopes import scopes
from trtflow.text import counted


def unique_names(model: onnx.ModelProto) -> list[str]:
    """Name every node of ``model`` in place, bodies included, and say what was changed.

    A nameless node becomes ``node_of_<first output>``, as TensorRT's parser calls it, so that engine layers can
    be mapped back; of nodes that share a name the later ones get ``_1``, ``_2``, … behind it.
    """
    nodes = [node for scope in scopes(model) for node in scope.graph.node]
    fresh = FreshNames(node.name for node in nodes)
    seen: set[str] = set()
    unnamed, repeated = 0, []
    for node in nodes:
        if node.name and node.name not in seen:
            seen.add(node.name)
            continue
        if node.name:
            repeated.append(node.name)
        else:
            unnamed += 1
        node.name = fresh(parsed_name(node))
        seen.add(node.name)
    return _notes(unnamed, repeated)


def parsed_name(node: onnx.NodeProto) -> str:
    """What TensorRT's parser calls ``node``."""
    return node.name or f"node_of_{next(filter(None, node.output), node.op_type)}"


def parsed_names(model: onnx.ModelProto) -> set[str]:
    """The names by which nodes of ``model`` are known after parsing: those that just one has."""
    counts = Counter(parsed_name(node) for scope in scopes(model) for node in scope.graph.node)
    return {name for name, count in counts.items() if count == 1}


def _notes(unnamed: int, repeated: list[str]) -> list[str]:
    notes = []
    if unnamed:
        were = "was named after its" if unnamed == 1 else "were named after their"
        notes.append(f"{counted(unnamed, 'node')} had no name and {were} first output")
    if repeated:
        shown = ", ".join(sorted(set(repeated))[:5])
        was = "was" if len(repeated) == 1 else "were"
        notes.append(f"{counted(len(repeated), 'node')} repeated another's name ({shown}) and {was} numbered")
    return notes

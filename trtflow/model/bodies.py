"""What bodies of control flow compute, as outputs of their owner: nothing can be marked inside them.

A branch of an If hands its tensors out as they are, and nothing where it is not taken. A body of Loop or Scan stacks
them over its steps, which asks for one shape in all of them: bodies inside a body that is stacked are left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trtflow.model.analysis import Analysis, analyse
from trtflow.model.edit import FreshNames, clone, fresh_names
from trtflow.model.layers import Layer, live
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, subgraphs
from trtflow.model.stages import reads
from trtflow.model.types import Shape

_STACKING = frozenset({"Loop", "Scan"})
Path = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BodyTensor:
    """The FP32 tensor ``name`` of a body, which the main graph is handed as ``outer``.

    ``path``: from the main graph on, each owner and which of its bodies. ``layer`` says who writes the tensor; its
    ``depth`` is that of the first owner. ``shape`` is that of one step.
    """

    layer: Layer
    path: Path
    name: str
    outer: str
    shape: Shape | None


def body_tensors(model: onnx.ModelProto) -> tuple[BodyTensor, ...]:
    """The tensors that candidates in bodies write and that can be handed out, in topological order."""
    analysis, fresh = analyse(model), fresh_names(model)
    uses = Counter(name for scope in analysis.scopes for name in scope.producers)
    chosen = {info.name for info in analysis.candidates}
    before = accumulate(node.name in chosen for node in model.graph.node)
    depths = {node.name: depth for node, depth in zip(model.graph.node, before, strict=True)}
    found: list[BodyTensor] = []
    for path, op, body, moving in _bodies(analysis.scopes[0], live(model)):
        for node, name in _written(analysis, body, chosen, moving):
            shape = analysis.types.of(body, name).shape
            if op == "If" or _is_fixed(shape, model):
                outer = fresh(name, "inside")
                layer = Layer(name if uses[name] == 1 else outer, node.name, node.op_type, depths[path[0][0]])
                found.append(BodyTensor(layer, path, name, outer, shape))
    return tuple(found)


def unseen(model: onnx.ModelProto, tensors: Sequence[BodyTensor]) -> tuple[str, ...]:
    """The candidates in bodies of which ``tensors`` has nothing."""
    seen = {tensor.layer.node for tensor in tensors}
    return tuple(info.name for info in analyse(model).candidates if info.scope and info.name not in seen)


def _bodies(scope: Scope, fed: frozenset[str], path: Path = ()) -> Iterator[tuple[Path, str, Scope, frozenset[str]]]:
    """Where each body is that can be looked into, its owner's operator, and the tensors that follow what is fed."""
    for owner in scope.graph.node:
        if owner.op_type in _STACKING | {"If"} and owner.domain in STANDARD_DOMAINS:
            for (attribute, _), body in zip(subgraphs(owner), scope.children[owner.name], strict=True):
                place, moving = (*path, (owner.name, attribute)), _moving(body, fed)
                yield place, owner.op_type, body, moving
                if owner.op_type == "If":
                    yield from _bodies(body, moving, place)


def _moving(body: Scope, fed: frozenset[str]) -> frozenset[str]:
    """``fed``, and the tensors of ``body`` that depend on these or on what it is fed itself."""
    found = {*fed, *(value.name for value in body.graph.input)}
    for node in body.graph.node:
        if not found.isdisjoint(reads(node)):
            found.update(name for name in node.output if name)
    return frozenset(found)


def _written(
    analysis: Analysis, body: Scope, chosen: set[str], moving: frozenset[str]
) -> Iterator[tuple[onnx.NodeProto, str]]:
    """The FP32 tensors of ``body`` among ``moving`` that candidates write."""
    for node in body.graph.node:
        if node.name in chosen:
            yield from ((node, n) for n in node.output if n in moving and analysis.types.of(body, n).is_float)


def _is_fixed(shape: Shape | None, model: onnx.ModelProto) -> bool:
    """Whether no step can change ``shape``: all of it is known beforehand, or a size of the network's inputs."""
    names = {dim.dim_param for value in model.graph.input for dim in value.type.tensor_type.shape.dim}
    return shape is not None and all(isinstance(size, int) or size in names - {""} for size in shape)


def hand_out(model: onnx.ModelProto, tensors: Sequence[BodyTensor]) -> onnx.ModelProto:
    """``model``, or what emulates it, with ``tensors`` as further outputs of their owners."""
    if not tensors:
        return model
    copy = clone(model)
    _hand_on(copy.graph, tensors, 0, fresh_names(copy))
    return copy


def _hand_on(
    graph: onnx.GraphProto, tensors: Sequence[BodyTensor], level: int, fresh: FreshNames
) -> dict[str, tuple[str, Shape | None]]:
    """What ``graph``, ``level`` bodies inside the main one, calls ``tensors`` then, and their shape there."""
    found = {tensor.outer: (tensor.name, tensor.shape) for tensor in tensors if len(tensor.path) == level}
    for node in graph.node:
        own = [tensor for tensor in tensors if tensor.path[level : level + 1] and tensor.path[level][0] == node.name]
        if own:
            for attribute, body in subgraphs(node):
                here = [tensor for tensor in own if tensor.path[level][1] == attribute]
                inside = _hand_on(body, here, level + 1, fresh)
                for tensor in own:
                    _append(body, fresh(tensor.outer, "again"), inside.get(tensor.outer))
            names = [fresh(tensor.outer, "again") if level else tensor.outer for tensor in own]
            found.update((tensor.outer, (name, None)) for tensor, name in zip(own, names, strict=True))
            node.output.extend(names)
            _stack_as_usual(node, len(own))
    return found


def _append(body: onnx.GraphProto, name: str, held: tuple[str, Shape | None] | None) -> None:
    """What ``body`` has ``held`` as its last output, ``name``; an empty tensor where another body has it."""
    source, shape = held or ("", [0])
    if source:
        made = helper.make_node("Identity", [source], [name], name)
    else:
        made = helper.make_node("Constant", [], [name], name, value=numpy_helper.from_array(np.empty(0, np.float32)))
    body.node.append(made)
    body.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


def _stack_as_usual(node: onnx.NodeProto, count: int) -> None:
    """Let the axes and directions of what a Scan stacks, where it has them, cover ``count`` more outputs."""
    for attribute in node.attribute:
        if attribute.name in ("scan_output_axes", "scan_output_directions"):
            attribute.ints.extend([0] * count)

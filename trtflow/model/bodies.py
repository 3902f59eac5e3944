"""What bodies of control flow compute, as outputs of their owner: nothing can be marked inside them.

A branch of an If hands its tensors out as they are, and nothing where it is not taken. A body of Loop or Scan stacks
them over its steps, which asks for one shape in all of them. Bodies inside bodies are left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class BodyTensor:
    """The FP32 tensor ``name`` of the body ``attribute`` of ``owner``, which hands it out as ``outer``.

    ``layer`` says who writes it; its ``depth`` is that of ``owner``. ``shape`` is that of one step.
    """

    layer: Layer
    owner: str
    attribute: str
    name: str
    outer: str
    shape: Shape | None


def body_tensors(model: onnx.ModelProto) -> tuple[BodyTensor, ...]:
    """The tensors that candidates in bodies write and that can be handed out, in topological order."""
    analysis, fresh = analyse(model), fresh_names(model)
    main = analysis.scopes[0]
    uses = Counter(name for scope in analysis.scopes for name in scope.producers)
    chosen = {info.name for info in analysis.candidates}
    fed, depth = live(model), 0
    found: list[BodyTensor] = []
    for owner in main.graph.node:
        depth += owner.name in chosen
        if owner.op_type in _STACKING | {"If"} and owner.domain in STANDARD_DOMAINS:
            for (attribute, _), body in zip(subgraphs(owner), main.children[owner.name], strict=True):
                for node, name in _written(analysis, body, chosen, fed):
                    shape = analysis.types.of(body, name).shape
                    if owner.op_type == "If" or _is_fixed(shape, model):
                        outer = fresh(name, "inside")
                        layer = Layer(name if uses[name] == 1 else outer, node.name, node.op_type, depth)
                        found.append(BodyTensor(layer, owner.name, attribute, name, outer, shape))
    return tuple(found)


def unseen(model: onnx.ModelProto, tensors: Sequence[BodyTensor]) -> tuple[str, ...]:
    """The candidates in bodies of which ``tensors`` has nothing."""
    seen = {tensor.layer.node for tensor in tensors}
    return tuple(info.name for info in analyse(model).candidates if info.scope and info.name not in seen)


def _written(
    analysis: Analysis, body: Scope, chosen: set[str], fed: frozenset[str]
) -> Iterator[tuple[onnx.NodeProto, str]]:
    """The FP32 tensors of ``body`` that depend on what it or the network is fed, with the candidates behind."""
    moving = fed | {value.name for value in body.graph.input}
    for node in body.graph.node:
        if moving.isdisjoint(reads(node)):
            continue
        moving |= {name for name in node.output if name}
        if node.name in chosen:
            yield from ((node, n) for n in node.output if n and analysis.types.of(body, n).is_float)


def _is_fixed(shape: Shape | None, model: onnx.ModelProto) -> bool:
    """Whether no step can change ``shape``: all of it is known beforehand, or a size of the network's inputs."""
    names = {dim.dim_param for value in model.graph.input for dim in value.type.tensor_type.shape.dim}
    return shape is not None and all(isinstance(size, int) or size in names - {""} for size in shape)


def hand_out(model: onnx.ModelProto, tensors: Sequence[BodyTensor]) -> onnx.ModelProto:
    """``model``, or what emulates it, with ``tensors`` as further outputs of their owners."""
    if not tensors:
        return model
    copy = clone(model)
    fresh = fresh_names(copy)
    for node in copy.graph.node:
        if own := [tensor for tensor in tensors if tensor.owner == node.name]:
            node.output.extend(tensor.outer for tensor in own)
            for attribute, body in subgraphs(node):
                for tensor in own:
                    _append(body, tensor, tensor.attribute == attribute, fresh)
            _stack_as_usual(node, len(own))
    return copy


def _append(body: onnx.GraphProto, tensor: BodyTensor, holds: bool, fresh: FreshNames) -> None:
    """``tensor`` as the last output of ``body``; an empty one where it is another body that ``holds`` it."""
    name = fresh(tensor.outer, "again")
    if holds:
        made = helper.make_node("Identity", [tensor.name], [name], name)
    else:
        made = helper.make_node("Constant", [], [name], name, value=numpy_helper.from_array(np.empty(0, np.float32)))
    body.node.append(made)
    body.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, tensor.shape if holds else [0]))


def _stack_as_usual(node: onnx.NodeProto, count: int) -> None:
    """Let the axes and directions of what a Scan stacks, where it has them, cover ``count`` more outputs."""
    for attribute in node.attribute:
        if attribute.name in ("scan_output_axes", "scan_output_directions"):
            attribute.ints.extend([0] * count)

"""Operators that ONNX does not define: TensorRT plugins, com.microsoft, ai.onnx.ml, a user's own.

No plan reaches them: they stay in FP32, with Casts around. ONNX Runtime has some; a model with others ends, for
everything that is measured, at the tensors that they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import helper

from trtflow.errors import ModelError
from trtflow.model.edit import clone, replace_nodes
from trtflow.model.scopes import STANDARD_DOMAINS, is_constant, scopes, subgraphs
from trtflow.model.session import create_session
from trtflow.model.stages import reads
from trtflow.model.types import Types, infer

PLUGINS = "TRT"
"""The domain that exporters give TensorRT's plugins; its parser goes by the operator alone."""

_UNKNOWN = ("is not a registered function/op", "Could not find an implementation", "Failed to find kernel")
"""What ONNX Runtime says of an operator that it does not have, or has for other devices only."""

Operator = tuple[str, str]
"""Domain and type."""


@dataclass(frozen=True)
class Runnable:
    """As much of a model as ONNX Runtime can run.

    ``ends``: tensors that it returns for what it cannot compute. ``lost``: the nodes without which it does, and
    ``behind`` them those, ONNX's own, that need what they make.
    """

    model: onnx.ModelProto
    ends: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()


def foreign_nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """The nodes of ``model`` that ONNX does not define, those in bodies included."""
    for scope in scopes(model):
        yield from (node for node in scope.graph.node if is_foreign(node))


def is_foreign(node: onnx.NodeProto) -> bool:
    """Whether ONNX does not define the operator of ``node``."""
    return node.domain not in STANDARD_DOMAINS


def move_plugins(model: onnx.ModelProto) -> list[str]:
    """Give operators that stand among ONNX's own, and are none, a domain of their own, in place; what was done.

    Neither ONNX's checker nor its converter takes them where they stand.
    """
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    nodes = [node for scope in scopes(model) for node in scope.graph.node]
    strange = [node for node in nodes if not is_foreign(node) and node.op_type not in known]
    for node in strange:
        node.domain = PLUGINS
    declared = {entry.domain for entry in model.opset_import}
    missing = {node.domain for node in nodes if is_foreign(node)} - declared
    model.opset_import.extend(helper.make_opsetid(domain, 1) for domain in sorted(missing))
    if not strange:
        return []
    operators = ", ".join(sorted({node.op_type for node in strange}))
    return [f"ONNX has no {operators}: they were given the domain {PLUGINS} ({len(strange)} in all)"]


def unknown_operators(model: onnx.ModelProto) -> frozenset[Operator]:
    """The foreign operators of ``model`` that ONNX Runtime cannot run, with the libraries in use."""
    found: dict[Operator, onnx.NodeProto] = {}
    for node in foreign_nodes(model):
        found.setdefault((node.domain, node.op_type), node)
    types = infer(model) if found else Types({})
    main = scopes(model)[0]
    typed = {name: types.of(main, name).elem for node in found.values() for name in node.input if name}
    return frozenset(operator for operator, node in found.items() if not _runs(model, node, typed))


def _runs(model: onnx.ModelProto, node: onnx.NodeProto, typed: dict[str, int]) -> bool:
    """Whether ONNX Runtime makes a session of ``node`` alone, or complains of something else than the operator."""
    alone = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    alone.graph.name = "alone"
    alone.graph.node.append(node)
    inputs = {name: typed.get(name) or onnx.TensorProto.FLOAT for name in node.input if name}
    alone.graph.input.extend(helper.make_tensor_value_info(name, elem, None) for name, elem in inputs.items())
    alone.graph.output.extend(onnx.ValueInfoProto(name=name) for name in node.output if name)
    try:
        create_session(alone)
    except ModelError as error:
        return not any(words in str(error) for words in _UNKNOWN)
    return True


def runnable(model: onnx.ModelProto) -> Runnable:
    """What ONNX Runtime can run of ``model``: all of it, or up to the tensors that what it cannot run reads.

    Raises:
        ModelError: nothing that depends on what the network is fed stands before these.
    """
    unknown = unknown_operators(model)
    if not unknown:
        return Runnable(model)
    lost, behind, gone = _beyond(model, unknown)
    ends = _ends(model, {node.name for node in (*lost, *behind)})
    kept = [value for value in model.graph.output if value.name not in gone]
    if not ends and not kept:
        node = lost[0]
        raise ModelError(
            f"ONNX Runtime cannot run {node.name} ({node.op_type}, domain '{node.domain}'), and no FP32 tensor is "
            "computed before it by which the model could be judged. Give the library that has it: custom-ops."
        )
    return Runnable(
        ending_at(model, [*(value.name for value in kept), *ends]),
        tuple(ends),
        tuple(node.name for node in lost),
        tuple(node.name for node in behind),
    )


def _beyond(
    model: onnx.ModelProto, unknown: frozenset[Operator]
) -> tuple[list[onnx.NodeProto], list[onnx.NodeProto], set[str]]:
    """The nodes of the main graph that cannot run, those that need what they make, and all that both make."""
    lost: list[onnx.NodeProto] = []
    behind: list[onnx.NodeProto] = []
    gone: set[str] = set()
    for node in model.graph.node:
        if _holds(node, unknown):
            lost.append(node)
        elif not gone.isdisjoint(reads(node)):
            behind.append(node)
        else:
            continue
        gone.update(name for name in node.output if name)
    return lost, behind, gone


def _holds(node: onnx.NodeProto, unknown: frozenset[Operator]) -> bool:
    """Whether ``node`` or one in its bodies is of an operator among ``unknown``."""
    inner = (held for _, body in subgraphs(node) for held in body.node)
    return (node.domain, node.op_type) in unknown or any(_holds(held, unknown) for held in inner)


def _ends(model: onnx.ModelProto, beyond: set[str]) -> list[str]:
    """What the nodes ``beyond`` read of FP32 tensors that the others compute from what the network is fed."""
    types, main = infer(model), scopes(model)[0]
    live = {value.name for value in model.graph.input} - main.constants.keys()
    read: dict[str, None] = {}
    made: set[str] = set()
    for node in model.graph.node:
        if node.name in beyond:
            read.update(dict.fromkeys((*node.input, *sorted(reads(node)))))
        elif not is_constant(node) and not live.isdisjoint(reads(node)):
            live.update(node.output)
            made.update(node.output)
    outputs = {value.name for value in model.graph.output}
    return [name for name in read if name in made - outputs and types.of(main, name).is_float]


def ending_at(model: onnx.ModelProto, tensors: Sequence[str]) -> onnx.ModelProto:
    """``model``, or a copy that returns ``tensors`` of its main graph, in this order, and computes nothing else."""
    if [value.name for value in model.graph.output] == list(tensors):
        return model
    copy, types, main = clone(model), infer(model), scopes(model)[0]
    declared = {value.name: value for value in (*model.graph.value_info, *model.graph.output)}
    wanted, nodes = set(tensors), []
    for node in reversed(model.graph.node):
        if not wanted.isdisjoint(node.output):
            wanted |= reads(node)
            nodes.append(node)
    replace_nodes(copy.graph, nodes[::-1])
    _keep(copy.graph.initializer, lambda tensor: tensor.name in wanted)
    _keep(copy.graph.value_info, lambda value: value.name in wanted.difference(tensors))
    del copy.graph.output[:]
    for name in tensors:
        found = types.of(main, name)
        typed = helper.make_tensor_value_info(name, found.elem, found.shape)
        copy.graph.output.append(declared.get(name, typed))
    return copy


def _keep(field: Any, wanted: Callable[[Any], bool]) -> None:
    for index in reversed(range(len(field))):
        if not wanted(field[index]):
            del field[index]

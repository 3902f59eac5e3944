"""Cut a model into stages: each computes one batch of tensors from those of the batches before.

To mark all tensors of a model at once takes the memory of all of them. To mark them batch by batch in sessions of
the whole model computes the beginning of the network once for each batch. Stages do neither: together they execute
each node about once, and what must outlive a stage is what the network itself would hold at that point.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import onnx

from trtflow.model.edit import copied, derived
from trtflow.model.scopes import subgraphs

FLOAT = onnx.TensorProto.FLOAT


@dataclass(frozen=True)
class Stage:
    """``model`` computes ``outputs`` from ``inputs``, tensors of earlier stages, and ``fed``, the model's own.

    A tensor of its batch that an earlier stage had to compute is among ``inputs``.
    """

    model: onnx.ModelProto
    fed: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def stages(model: onnx.ModelProto, batches: Sequence[Sequence[str]], floats: Collection[str] = ()) -> Iterator[Stage]:
    """A stage for each batch of FP32 tensors of the main graph, which are in topological order.

    Of other tensors those among ``floats``, which are FP32, too, are handed on to the stages that need them; the
    rest (shapes, say) is computed again in each of these.
    """
    producers = {name: node for node in model.graph.node for name in node.output if name}
    parts, known = [], set(floats)
    earlier: set[str] = set()
    for batch in batches:
        needed, read = _ancestors(producers, batch, earlier)
        parts.append((batch, needed, read, frozenset(earlier)))
        earlier.update(producers.keys() & batch, *(known.intersection(producers[name].output) for name in needed))
    later = [set[str]().union(*(read for _, _, read, _ in parts[index + 1 :])) for index in range(len(parts))]
    for (batch, needed, read, before), wanted in zip(parts, later, strict=True):
        made = {name for key in needed for name in producers[key].output} & known - before
        new = [name for name in batch if name not in before]
        yield _stage(model, [*new, *sorted(made & wanted - set(batch))], needed, read, before)


def _stage(
    model: onnx.ModelProto, outputs: Sequence[str], needed: Set[str], read: Set[str], earlier: Set[str]
) -> Stage:
    weights = {tensor.name for tensor in model.graph.initializer}
    fed = tuple(value.name for value in model.graph.input if value.name in read and value.name not in weights)
    inputs = tuple(sorted(read & earlier))
    found = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions)
    graph = found.graph
    graph.name = model.graph.name
    graph.node.extend(_without(node, earlier) for node in model.graph.node if needed & set(node.output))
    graph.initializer.extend(tensor for tensor in model.graph.initializer if tensor.name in read)
    graph.sparse_initializer.extend(entry for entry in model.graph.sparse_initializer if entry.values.name in read)
    graph.input.extend(value for value in model.graph.input if value.name in read)
    graph.input.extend(onnx.helper.make_tensor_value_info(name, FLOAT, None) for name in inputs)
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    return Stage(found, fed, inputs, tuple(outputs))


def _ancestors(
    producers: Mapping[str, onnx.NodeProto], wanted: Iterable[str], given: Set[str]
) -> tuple[set[str], set[str]]:
    """What nodes make on the way from ``given`` to ``wanted``, and what they read that none of them makes."""
    needed: set[str] = set()
    read: set[str] = set()
    open_names = list(wanted)
    while open_names:
        name = open_names.pop()
        node = producers.get(name)
        if node is None or name in given:
            read.add(name)
        elif name not in needed:
            needed.add(name)
            open_names.extend(reads(node))
    return needed, read


def _without(node: onnx.NodeProto, earlier: Set[str]) -> onnx.NodeProto:
    """``node``, or a copy that writes what an earlier stage computed under another name: here that is an input."""
    if earlier.isdisjoint(node.output):
        return node
    copy = copied(node)
    for index, name in enumerate(node.output):
        if name in earlier:
            copy.output[index] = derived(name, "again")
    return copy


def reads(node: onnx.NodeProto) -> set[str]:
    """The tensors that ``node`` reads, also those that its bodies read from the graphs around them."""
    found = {name for name in node.input if name}
    for _, body in subgraphs(node):
        own = {value.name for value in body.input} | {tensor.name for tensor in body.initializer}
        own |= {name for inner in body.node for name in inner.output}
        outer = {name for inner in body.node for name in reads(inner)} | {value.name for value in body.output}
        found |= outer - own
    return found

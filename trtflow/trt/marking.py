"""Read tensors inside an engine: which can be marked, how many at a time, and how each comes out.

Marking an output ends a fusion, and on a weakly typed network changes precisions, too; so a marked tensor keeps the
precision that its plan gives it, by a mechanism that is told, and ``trtflow.trt.honoured`` shows what came of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Any, Literal

from trtflow.errors import BuildError
from trtflow.precision import FP32, QUANTIZED, ROWS, Precision
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import Capture

Mechanism = Literal["typed", "cast", "constraint", "debug"]
"""What gives a marked tensor its precision: its own type, FP32; a Cast to FP32 behind the low tensor, so that its
layer stays low; precision and output type set on its layer, under OBEY; the engine, which debugging leaves alone."""

FLOATS: Mapping[str, Precision] = {
    row.names.network.upper(): row.name for row in ROWS.values() if row.name not in QUANTIZED
}
"""TensorRT's name of a type → precision, of those that hold floating-point values."""
NO_SHAPES: Mapping[str, tuple[int, ...]] = MappingProxyType({})

_ENTRIES = frozenset({"RECURRENCE", "ITERATOR", "CONDITIONAL_INPUT"})
_EXITS = frozenset({"LOOP_OUTPUT", "CONDITIONAL_OUTPUT"})


@dataclass(frozen=True)
class Mark:
    """The ONNX ``tensor`` that an engine hands out as ``name``, and what made its precision so."""

    tensor: str
    name: str
    mechanism: Mechanism
    precision: Precision


@dataclass(frozen=True)
class Markable:
    """The ``tensors`` of a network that may be marked, each with its bytes; ``refused`` are others, and why."""

    tensors: Mapping[str, int]
    refused: Mapping[str, str]

    def batches(self, memory: int) -> tuple[tuple[str, ...], ...]:
        """``tensors`` in batches of at most ``memory`` bytes; one that is larger stands alone."""
        found: list[list[str]] = []
        room = 0
        for name, size in self.tensors.items():
            if not found or size > room:
                found.append([])
                room = memory
            found[-1].append(name)
            room -= size
        return tuple(map(tuple, found))


def markable(network: Any, tensors: Iterable[str], shapes: Mapping[str, tuple[int, ...]] = NO_SHAPES) -> Markable:
    """Which of the ONNX ``tensors`` can be marked in ``network``: float execution tensors of the main graph.

    ``shapes`` are the largest that tensors have where the network leaves dimensions free, from
    ``trtflow.model.shapes.inferred_shapes``; of others a free dimension counts as the largest size in there.
    """
    known, inside = network_tensors(network), _inside_control_flow(network)
    free = max((size for shape in shapes.values() for size in shape), default=1)
    refused = {name: _why_not(known.get(name), name in inside) for name in tensors}
    allowed = [name for name, why in refused.items() if not why]
    return Markable(
        {name: _bytes(shapes.get(name, known[name].shape), free) for name in allowed},
        {name: why for name, why in refused.items() if why},
    )


def mark(
    network: Any,
    tensors: Sequence[str],
    capture: Capture = "outputs",
    *,
    typing: Typing = "strong",
    precisions: Mapping[str, Precision] = MappingProxyType({}),
) -> tuple[Mark, ...]:
    """Mark ``tensors``, which ``markable`` allowed, in ``network``.

    ``precisions``: what the plan gives the tensors of a weakly typed network; a strongly typed one has them as types.
    Unfused debug tensors are not chosen: all that are left after fusion come, under names of the engine.

    Raises:
        BuildError: there is no such tensor, or TensorRT refuses the mark.
    """
    if capture == "unfused-debug":
        _require(network.mark_unfused_tensors_as_debug_tensors(), "the tensors that fusion leaves")
        return ()
    known = network_tensors(network)
    missing = [name for name in tensors if name not in known]
    if missing:
        raise BuildError(f"the network has no tensor '{missing[0]}' to mark; expected names that `markable` allowed.")
    if capture == "debug":
        return tuple(_debug(network, known[name]) for name in tensors)
    if typing == "strong":
        return tuple(_typed(network, known[name], known) for name in tensors)
    writers = {tensor.name: (layer, index) for layer, index, tensor in _written(network)}
    return tuple(_constrained(network, known[name], known, writers, precisions.get(name, FP32)) for name in tensors)


def network_tensors(network: Any) -> dict[str, Any]:
    """Every tensor of ``network`` by name, inputs first."""
    inputs = map(network.get_input, range(network.num_inputs))
    return {tensor.name: tensor for tensor in (*inputs, *(tensor for _, _, tensor in _written(network)))}


def _written(network: Any) -> Iterator[tuple[Any, int, Any]]:
    """Layer, index and tensor of every output of a layer."""
    for layer in map(network.get_layer, range(network.num_layers)):
        for index in range(layer.num_outputs):
            tensor = layer.get_output(index)
            if tensor is not None:
                yield layer, index, tensor


def _inside_control_flow(network: Any) -> frozenset[str]:
    """What follows from the entry of a Loop or an If, up to its exit: TensorRT's own idea of a body."""
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    found: set[str] = set()
    grown = -1
    while grown < len(found):  # a body's layers may stand in any order
        grown = len(found)
        for layer in layers:
            inputs = filter(None, map(layer.get_input, range(layer.num_inputs)))
            kind = layer.type.name
            if kind in _ENTRIES or (kind not in _EXITS and any(tensor.name in found for tensor in inputs)):
                found.update(t.name for t in map(layer.get_output, range(layer.num_outputs)) if t is not None)
    return frozenset(found)


def _why_not(tensor: Any, inside: bool) -> str:
    if tensor is None:
        return "the parsed network has no tensor of that name"
    if inside:
        return "it lies in a body of a Loop or an If"
    if tensor.is_shape_tensor or not tensor.is_execution_tensor:
        return "it holds a shape"
    return "" if tensor.dtype.name in FLOATS else f"it is {tensor.dtype.name}, not floating point"


def _bytes(shape: Iterable[int], free: int) -> int:
    """Of a tensor as it is handed out: in FP32."""
    return prod(free if size < 0 else size for size in shape) * ROWS[FP32].dtype.itemsize


def _debug(network: Any, tensor: Any) -> Mark:
    _require(network.mark_debug(tensor), f"'{tensor.name}'")
    return Mark(tensor.name, tensor.name, "debug", FLOATS[tensor.dtype.name])


def _typed(network: Any, tensor: Any, taken: Mapping[str, Any]) -> Mark:
    """The tensor itself if it is FP32, else what a Cast behind it makes of it: NumPy reads that of BF16, too."""
    precision = FLOATS[tensor.dtype.name]
    if precision == FP32 or tensor.is_network_output:
        return Mark(tensor.name, _output(network, tensor), "typed", precision)
    return Mark(tensor.name, _output(network, _cast(network, tensor, taken)), "cast", precision)


def _constrained(
    network: Any,
    tensor: Any,
    taken: Mapping[str, Any],
    writers: Mapping[str, tuple[Any, int]],
    precision: Precision,
) -> Mark:
    """Under OBEY a layer keeps its precision as an output only if that, and the type of what it writes, is set.

    Not so of the network's own outputs, whose types are its interface, and of codes, which are never handed out.
    """
    if precision in QUANTIZED or tensor.is_network_output or tensor.name not in writers:
        return Mark(tensor.name, _output(network, tensor), "typed", FP32)
    layer, index = writers[tensor.name]
    layer.precision = _type(tensor, precision)
    layer.set_output_type(index, _type(tensor, precision))
    behind = tensor if precision == FP32 else _cast(network, tensor, taken)
    return Mark(tensor.name, _output(network, behind), "constraint", precision)


def _cast(network: Any, tensor: Any, taken: Mapping[str, Any]) -> Any:
    """``tensor`` in FP32, under a name that no tensor has: TensorRT would change it else."""
    cast = network.add_cast(tensor, _type(tensor, FP32))
    name = f"{tensor.name}__{FP32}"
    while name in taken:
        name += "_"
    made = cast.get_output(0)
    cast.name = made.name = name
    return made


def _output(network: Any, tensor: Any) -> str:
    if not tensor.is_network_output:
        network.mark_output(tensor)
    return str(tensor.name)


def _type(tensor: Any, precision: Precision) -> Any:
    """TensorRT's member for ``precision``, of the enum that ``tensor`` itself is typed by."""
    return getattr(type(tensor.dtype), ROWS[precision].names.network.upper())


def _require(done: Any, what: str) -> None:
    if not done:
        raise BuildError(
            f"TensorRT refuses to mark {what} for debugging; its log says why. `capture: outputs` may do."
        )

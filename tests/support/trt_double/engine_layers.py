"""The layers of an engine: constants are gone, neighbours fused, reformats put where types differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trt_double.effective import NAMES, Effective
from trt_double.network import FLOATS
from trt_double.plan import EngineLayer, Port
from trtflow.precision import INT8, Precision

SEPARATOR = "\x1e"
"""Between the metadata of layers that are fused."""
TYPE: Mapping[Precision, str] = {precision: name for name, precision in NAMES.items()}
KINDS = {"CONVOLUTION": "CaskConvolution", "ELEMENTWISE": "ElementWise", "SOFTMAX": "SoftMax"}


@dataclass(frozen=True)
class Typing:
    """The types that tensors have in an engine; ``effective`` is None where the network is strongly typed."""

    network: Any
    effective: Effective | None
    renamed: Mapping[str, str]

    def port(self, tensor: Any, dtype: str | None = None) -> Port:
        """``tensor`` as the engine has it."""
        name = tensor._name
        outer = tensor.is_network_input or tensor.is_network_output
        called = name if outer else self.renamed.get(name, name)
        return Port(called, tensor._onnx or name, dtype or self.stored(tensor), tuple(tensor._shape))

    def stored(self, tensor: Any) -> str:
        """The type in which ``tensor`` lies in memory."""
        if self.effective is None or tensor._dtype not in FLOATS:
            return str(tensor._dtype)
        if tensor.is_network_input or tensor.is_network_output:
            return str(tensor._dtype)
        maker = next((one for one in self.network._layers if any(tensor is t for t in one._outputs)), None)
        lower = self.effective.stored.get(tensor._onnx or "")
        return TYPE[lower] if lower else self.computed(maker)

    def computed(self, layer: Any) -> str:
        """The type in which ``layer`` computes, INT8 but for its output."""
        assert self.effective is not None
        plan = self.effective.plan
        found = plan.precision(layer._node) if layer is not None and layer._node else plan.default
        return TYPE[plan.default if found == INT8 else found]

    def read(self, layer: Any, tensor: Any) -> str:
        """The type in which ``layer`` reads ``tensor``."""
        if self.effective is None or tensor._dtype not in FLOATS:
            return str(tensor._dtype)
        if layer._node and self.effective.plan.precision(layer._node) == INT8:
            return TYPE[INT8]
        return self.computed(layer)


def engine_layers(typing: Typing, groups: Iterable[tuple[str, ...]]) -> list[EngineLayer]:
    """The layers of the engine in order; ``groups`` are fused by force."""
    made: list[EngineLayer] = []
    for group in _fused(typing, [tuple(group) for group in groups]):
        own = {id(tensor) for layer in group for tensor in layer._outputs}
        read = [(layer, t) for layer in group for t in layer._inputs if t is not None and id(t) not in own]
        inputs: list[Port] = []
        for layer, tensor in read:
            if _is_constant(typing.network, tensor):
                continue
            inputs.append(_reformatted(typing, layer, tensor, len(inputs), group[0]._name, made))
        outputs = [typing.port(t) for layer in group for t in layer._outputs if _is_seen(typing.network, t, group)]
        metadata = SEPARATOR.join(dict.fromkeys(layer._stored_metadata for layer in group if layer._node))
        name, kind = " + ".join(layer._name for layer in group), group[0]._kind
        said = KINDS.get(kind, kind.title().replace("_", ""))
        made.append(EngineLayer(name, said, metadata, tuple(inputs), tuple(outputs)))
    return made


def _reformatted(typing: Typing, layer: Any, tensor: Any, index: int, name: str, made: list[EngineLayer]) -> Port:
    """What the engine layer reads; behind a reformat where the tensor is stored in another type."""
    lies, wanted = typing.port(tensor), typing.read(layer, tensor)
    if lies.dtype == wanted:
        return lies
    port = Port(f"Reformatted Input Tensor {index} to {name}", lies.onnx, wanted, lies.shape)
    made.append(
        EngineLayer(f"Reformatting CopyNode for Input Tensor {index} to {name}", "Reformat", "", (lies,), (port,))
    )
    return port


def _fused(typing: Typing, groups: list[tuple[str, ...]]) -> list[list[Any]]:
    """The network's layers in groups."""
    layers = [layer for layer in typing.network._layers if not layer._constant]
    made: list[list[Any]] = []
    for layer in layers:
        home = next((group for group in made if _joins(typing, group, layer, groups)), None)
        if home is None:
            made.append([layer])
        else:
            home.append(layer)
    return made


def _joins(typing: Typing, group: list[Any], layer: Any, forced: list[tuple[str, ...]]) -> bool:
    between = [tensor for tensor in layer._inputs for one in group for t in one._outputs if tensor is t]
    if not between or any(_is_marked(typing.network, tensor) for tensor in between):
        return False
    if any(layer._name in names and group[-1]._name in names for names in forced):
        return True
    alike = (
        group[-1]._kind == "CONVOLUTION"
        and layer._kind == "ACTIVATION"
        and len(_readers(typing.network, between[0])) == 1
    )
    if typing.effective is None:
        return alike
    return alike and typing.effective.plan.precision(group[-1]._node) in (
        INT8, typing.effective.plan.precision(layer._node)
    )  # fmt: skip


def _is_marked(network: Any, tensor: Any) -> bool:
    return any(tensor is one for one in (*network._outputs, *network._debug))


def _readers(network: Any, tensor: Any) -> list[Any]:
    return [layer for layer in network._layers if any(tensor is one for one in layer._inputs)]


def _is_constant(network: Any, tensor: Any) -> bool:
    return any(layer._constant and tensor is layer._outputs[0] for layer in network._layers)


def _is_seen(network: Any, tensor: Any, group: list[Any]) -> bool:
    """Whether ``tensor``, made in ``group``, is read outside of it."""
    outside = [one for one in _readers(network, tensor) if not any(one is layer for layer in group)]
    return bool(outside) or _is_marked(network, tensor)


def unfused(typing: Typing, layers: Iterable[EngineLayer]) -> list[Port]:
    """The float tensors inside that are left after fusion."""
    outer = {tensor._name for tensor in (*typing.network._inputs, *typing.network._outputs)}
    ports = [p for layer in layers if layer.kind != "Reformat" for p in layer.outputs]
    real = {tensor._onnx for layer in typing.network._layers for tensor in layer._outputs}
    return [port for port in ports if port.name not in outer and port.dtype in FLOATS and port.onnx in real]

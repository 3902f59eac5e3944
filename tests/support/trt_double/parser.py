"""The parser double: layers and tensors named as TensorRT-RTX 1.7.1's parser names them.

Node ``a`` becomes layer ``a``, what is more of it, or another ``a``, ``a_<n>``, n counting all clashes of the network
(the real one counts more of them); a nameless node ``node_of_<output>``. Metadata tell the file's name, not the
layer's. Constants become CONSTANT layers with their own name and tensors ``<name>_output``. Helpers
(``ONNXTRT_Broadcast``; ``(Unnamed Layer* N) [Shuffle]`` before 10) have no metadata. Helpers around
shapes are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnx

from trt_double.network import TYPES
from trt_double.operators import ABSORBED, BROADCAST, LAYERS, OLDER, PER_OUTPUT, UNSQUEEZED
from trt_double.small import say

FIRST_TYPED = 10  # the first version that has INT64 and does not fall back to INT32


class ParserError:
    """One sentence."""

    def _begin(self, sentence: str) -> None:
        self._sentence = sentence

    def desc(self) -> str:
        """See TensorRT."""
        return self._sentence

    def __repr__(self) -> str:
        return self._sentence


class OnnxParser:
    """Fills a network."""

    def _begin(self, network: Any, logger: Any) -> None:
        self._network, self._logger, self._flags = network, logger, 1
        self._errors: list[Any] = []

    def __bool__(self) -> bool:
        return True

    @property
    def num_errors(self) -> int:
        """See TensorRT."""
        return len(self._errors)

    def get_error(self, index: int) -> Any:
        """See TensorRT."""
        return self._errors[index]

    def clear_errors(self) -> None:
        """See TensorRT."""
        self._errors.clear()

    @property
    def flags(self) -> int:
        """See TensorRT."""
        return self._flags

    @flags.setter
    def flags(self, value: int) -> None:
        self._flags = value

    def set_flag(self, flag: Any) -> None:
        """See TensorRT."""
        self._flags |= 1 << int(flag)

    def clear_flag(self, flag: Any) -> None:
        """See TensorRT."""
        self._flags &= ~(1 << int(flag))

    def get_flag(self, flag: Any) -> bool:
        """See TensorRT."""
        return bool(self._flags >> int(flag) & 1)

    def set_builder_config(self, config: Any) -> bool:
        """See TensorRT."""
        return True

    def supports_operator(self, name: str) -> bool:
        """See TensorRT."""
        return name in LAYERS

    def parse(self, model: Any, path: str | None = None) -> bool:
        """See TensorRT."""
        try:
            return self._fill(onnx.load_from_string(bytes(model)))
        except Exception as error:  # protobuf's own, which it does not name
            return self._fail(f"the model cannot be read: {error}")

    def parse_from_file(self, path: str) -> bool:
        """See TensorRT."""
        if not Path(path).is_file():
            return self._fail(f"could not open file {path}")
        return self._fill(onnx.load(path))

    def _fail(self, sentence: str) -> bool:
        self._errors.append(self._api.new("ParserError", sentence))  # type: ignore[attr-defined]
        say(self._logger, "ERROR", sentence)
        return False

    def _fill(self, model: onnx.ModelProto) -> bool:
        if self._api.major < FIRST_TYPED and not self._network._flags & 1:  # type: ignore[attr-defined]
            return self._fail("networks without EXPLICIT_BATCH are not supported by the parser")
        refused = self._network._builder._behaviour.unparsed
        for node in model.graph.node:
            if node.name in refused or (node.op_type not in LAYERS and node.op_type != "Constant"):
                return self._fail(f"In node {node.name} with operator {node.op_type}: no importer, no plugin")
        _Filling(self._api, self._network, model).run()  # type: ignore[attr-defined]
        return True


class _Filling:
    """One network that is made of one model."""

    def __init__(self, api: Any, network: Any, model: onnx.ModelProto) -> None:
        from trtflow.model.scopes import scopes
        from trtflow.model.types import infer

        self.api, self.network, self.model = api, network, model
        self.types, self.scope = infer(model), scopes(model)[0]
        self.tensors: dict[str, Any] = {}
        self.constants = {tensor.name: tensor.name for tensor in model.graph.initializer}
        self.made: dict[str, Any] = {}
        self.metadata: dict[str, str] = {}
        self.names: set[str] = set()
        self.clashes = 0

    def run(self) -> None:
        """Inputs, layers, outputs."""
        graph = self.model.graph
        outputs = {value.name for value in graph.output}
        for value in graph.input:
            if value.name not in self.constants:
                name = f"__{value.name}" if value.name in outputs else value.name
                self.tensors[value.name] = self._tensor(value.name, name)
                self.network._inputs.append(self.tensors[value.name])
        for node in graph.node:
            self._node(node)
        for value in graph.output:
            if value.name in self.constants:
                self._constant(value.name)
            elif self.tensors[value.name].is_network_input:
                self._pass_on(value.name)
            self.network._outputs.append(self.tensors[value.name])
        self.network._model = self.model

    def _pass_on(self, name: str) -> None:
        """An input that is an output too goes through a layer of its own."""
        given, self.tensors[name] = self.tensors[name], self._tensor(name, name)
        called = f"(Unnamed Layer* {len(self.network._layers)}) [Identity]"
        self._layer(called, "IDENTITY", [given], [self.tensors[name]], None)

    def _node(self, node: onnx.NodeProto) -> None:
        said = node.name or f"node_of_{next(filter(None, node.output), node.op_type)}"
        node.name = self._name(said)
        self.metadata[node.name] = f"[ONNX Layer: {said}]"
        if node.op_type == "Constant":
            self.constants[node.output[0]] = node.name
            return
        inputs = [self._input(node, index) for index in range(len(node.input)) if node.input[index]]
        inputs = [tensor for tensor in inputs if tensor is not None]
        outputs = [self._tensor(name, name) for name in node.output if name]
        self.tensors.update({tensor._onnx: tensor for tensor in outputs})
        *before, last = self._kinds(node)
        name = node.name
        for kind in before:
            made = self._tensor(node.output[0], f"{name}_output", helper=True)
            self._layer(name, kind, inputs[:2], [made], node.name)
            inputs, name = [made, *inputs[2:]], self._name(node.name)
        for part in [[tensor] for tensor in outputs] if node.op_type in PER_OUTPUT else [outputs]:
            self._layer(name, last, inputs, part, node.name)
            if part[-1] is not outputs[-1]:
                name = self._name(node.name)

    def _kinds(self, node: onnx.NodeProto) -> Iterable[str]:
        kinds = LAYERS[node.op_type]
        if node.op_type == "Gemm" and len(node.input) < 3:
            kinds = kinds[:1]
        known = self.api.listing.classes["LayerType"].values
        return [kind if kind in known else OLDER[kind] for kind in kinds]

    def _layer(self, name: str, kind: str, inputs: list[Any], outputs: list[Any], node: str | None) -> Any:
        layer = self.api.new("ILayer", self.network, name, kind, inputs, outputs)
        layer._node = node
        layer._stored_metadata = self.metadata[node] if node else ""
        self.network._layers.append(layer)
        return layer

    def _input(self, node: onnx.NodeProto, index: int) -> Any:
        name = node.input[index]
        if name not in self.constants:
            return self.tensors.get(name)
        if index in ABSORBED.get(node.op_type, ()):
            return None
        constant = self._constant(name)
        helper = self._helper(node, index)
        if helper is None:
            return constant
        spoken = self._name(helper)
        made = self._tensor(name, f"{spoken}_output", helper=True)
        layer = self._layer(spoken, "UNSQUEEZE" if "nsqueeze" in helper else "SHUFFLE", [constant], [made], None)
        layer._kind = layer._kind if layer._kind in self.api.listing.classes["LayerType"].values else "SHUFFLE"
        layer._constant, layer._reader = name, node.name
        return made

    def _constant(self, name: str) -> Any:
        if name not in self.made:
            layer = self.constants[name]
            layer = layer if layer not in self.names or layer != name else self._name(layer)
            self.names.add(layer)
            self.made[name] = self._tensor(name, f"{layer}_output", helper=True)
            self._layer(layer, "CONSTANT", [], [self.made[name]], None)._constant = name
            self.tensors[name] = self.made[name]
        return self.made[name]

    def _helper(self, node: onnx.NodeProto, index: int) -> str | None:
        """What the layer is called between a constant and ``node``; None where there is none."""
        if node.op_type in UNSQUEEZED and index > 0:
            helper = "ONNXTRT_unsqueezeTensor"
        elif node.op_type in BROADCAST and self._rank(node.input[index]) < self._rank(node.output[0]):
            helper = "ONNXTRT_Broadcast"
        else:
            return None
        older = self.api.major < FIRST_TYPED
        return f"(Unnamed Layer* {len(self.network._layers)}) [Shuffle]" if older else helper

    def _rank(self, name: str) -> int:
        return len(self.types.of(self.scope, name).shape or ())

    def _name(self, wanted: str) -> str:
        """``wanted``, or with the number of this clash behind it."""
        name = wanted
        while name in self.names:
            name = f"{wanted}_{self.clashes}"
            self.clashes += 1
        self.names.add(name)
        return name

    def _tensor(self, name: str, called: str, *, helper: bool = False) -> Any:
        found = self.types.of(self.scope, name)
        kind = TYPES.get(found.elem, "FLOAT")
        if kind not in self.api.listing.classes["DataType"].values:
            kind = "INT32" if kind == "INT64" else "HALF"
        shape = [size if isinstance(size, int) else -1 for size in found.shape or ()]
        tensor = self.api.new("ITensor", self.network, called, kind, shape, None if helper else name)
        tensor._is_shape = kind in ("INT32", "INT64") and len(shape) < 2 and name not in self._inputs_and_outputs()
        return tensor

    def _inputs_and_outputs(self) -> set[str]:
        return {value.name for value in (*self.model.graph.input, *self.model.graph.output)}

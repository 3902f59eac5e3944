"""An ONNX model as a ``torch.fx.GraphModule``: each node one call, in the types of the file.

It is made for the shapes of one feed. What these alone decide is computed on the way, so that no shape is left that
depends on a tensor, and ``torch.compile`` takes the module as one graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from trtflow.data import Array, Feed
from trtflow.errors import BuildError
from trtflow.model.operators import RAISED
from trtflow.model.opset import raise_opset
from trtflow.model.scopes import STANDARD_DOMAINS, constant_tensor, is_constant
from trtflow.runners.torch_ops import OPERATORS, Operator
from trtflow.runners.torch_shapes import DTYPES

INSTEAD = "Take `runner: cuda`, which runs all operators of ONNX Runtime, or leave it to the emulator"


def supported(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` in the opset that the operators here are written for.

    Raises:
        BuildError: PyTorch lacks operators of it here; all are named.
        ModelError: the opset cannot be raised.
    """
    raised = raise_opset(model, RAISED)
    lacking: dict[str, str] = {}
    for node in raised.graph.node:
        if not is_constant(node) and (node.domain not in STANDARD_DOMAINS or node.op_type not in OPERATORS):
            lacking.setdefault(".".join(filter(None, (node.domain, node.op_type))), node.name)
    if lacking:
        named = ", ".join(f"{op} ('{name}')" for op, name in sorted(lacking.items()))
        raise BuildError(f"torch has no {named} here. {INSTEAD}.")
    return raised


def to_tensor(array: Array) -> Tensor:
    """``array``, BF16 of ml_dtypes included, as a tensor of its own memory."""
    plain = np.array(array, order="C")
    if plain.dtype.name == "bfloat16":
        return torch.from_numpy(plain.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(plain)


def to_array(tensor: Tensor) -> Array:
    """``tensor`` in numpy's types: BF16, which it lacks, as FP32."""
    held: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).cpu().numpy()
    return held


def placed(model: onnx.ModelProto, device: str) -> dict[str, Tensor]:
    """The weights of ``model`` on ``device``."""
    return {held.name: to_tensor(numpy_helper.to_array(held)).to(device) for held in model.graph.initializer}


def fed(model: onnx.ModelProto, feed: Feed, device: str) -> dict[str, Tensor]:
    """``feed`` on ``device``, in the types that ``model`` takes."""
    elems = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    return {name: to_tensor(np.asarray(array)).to(device, DTYPES[elems[name]]) for name, array in feed.items()}


def converted(model: onnx.ModelProto, weights: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Any:
    """``model``, which is ``supported``, for the shapes of ``inputs``; the module takes these in their order.

    Its outputs are a tuple, in the order of the model's.

    Raises:
        BuildError: an operator has a form that PyTorch lacks here, or a shape depends on what the network is fed.
    """
    work = _Work(weights, inputs)
    for node in model.graph.node:
        work.add(node)
    return work.module([value.name for value in model.graph.output])


class _Work:
    """A graph being written. ``held``: tensors that shapes and weights decide; ``made``: all, for these inputs."""

    def __init__(self, weights: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> None:
        self.device = next((tensor.device for tensor in (*inputs.values(), *weights.values())), "cpu")
        self.graph = torch.fx.Graph()
        self.root = torch.nn.Module()
        self.held = dict(weights)
        self.made = {**weights, **inputs}
        self.nodes = {name: self.graph.placeholder(f"input_{at}") for at, name in enumerate(inputs)}

    def add(self, node: onnx.NodeProto) -> None:
        """Execute ``node``, and write it down unless its outputs are held from now on."""
        if is_constant(node):
            value = constant_tensor(node)
            if value is None:
                raise _lacks(node, "a value of another kind than numbers")
            self._hold([node.output[0]], [to_tensor(numpy_helper.to_array(value))])
            return
        operator = OPERATORS[node.op_type]
        attributes = {entry.name: self._attribute(entry) for entry in node.attribute}
        inputs = [self._checked(node, at, operator) for at in range(len(node.input))]
        outputs = _executed(node, operator, [self._value(value) for value in inputs], attributes)
        if operator.measures or all(name in self.held for name in node.input if name):
            self._hold(node.output, outputs)
        else:
            self._write(node, operator, inputs, attributes, outputs)

    def module(self, outputs: Sequence[str]) -> Any:
        """What computes ``outputs``."""
        self.graph.output(tuple(self._node(name) for name in outputs))
        self.graph.eliminate_dead_code()
        return torch.fx.GraphModule(self.root, self.graph)

    def _checked(self, node: onnx.NodeProto, at: int, operator: Operator) -> Any:
        """Input ``at`` of ``node``: None, Python's numbers, or a name."""
        name = node.input[at]
        if not name:
            return None
        if name not in self.held and (operator.known or at in operator.numbers):
            raise _lacks(node, f"a shape that depends on what the network is fed, by '{name}'")
        return self.held[name].tolist() if at in operator.numbers else _Name(name)

    def _value(self, argument: Any) -> Any:
        return self.made[argument] if isinstance(argument, _Name) else argument

    def _attribute(self, entry: onnx.AttributeProto) -> Any:
        value = helper.get_attribute_value(entry)
        if isinstance(value, TensorProto):
            return to_tensor(numpy_helper.to_array(value)).to(self.device)
        return value.decode() if isinstance(value, bytes) else list(value) if entry.ints or entry.floats else value

    def _hold(self, names: Sequence[str], outputs: Sequence[Tensor]) -> None:
        placed = {name: tensor.to(self.device) for name, tensor in zip(names, outputs, strict=False) if name}
        self.held |= placed
        self.made |= placed

    def _write(
        self, node: onnx.NodeProto, operator: Operator, inputs: Sequence[Any], attributes: Any, outputs: Any
    ) -> None:
        arguments = tuple(self._node(value) if isinstance(value, _Name) else value for value in inputs)
        call = self.graph.call_function(operator.function, arguments, attributes)
        several = len(outputs) > 1
        for at, name in enumerate(node.output):
            if name:
                self.nodes[name] = self.graph.call_function(_item, (call, at)) if several else call
                self.made[name] = outputs[at]

    def _node(self, name: str) -> Any:
        if name not in self.nodes:
            held = f"held_{len(self.nodes)}"
            self.root.register_buffer(held, self.held[name])
            self.nodes[name] = self.graph.get_attr(held)
        return self.nodes[name]


class _Name(str):
    """A tensor's name among other arguments, which may be words."""

    __slots__ = ()


def _item(outputs: Sequence[Tensor], at: int) -> Tensor:
    return outputs[at]


def _executed(node: onnx.NodeProto, operator: Operator, inputs: Sequence[Any], attributes: Any) -> list[Tensor]:
    try:
        made = operator.function(*inputs, **attributes)
    except (TypeError, NotImplementedError, ValueError, IndexError, RuntimeError) as error:
        raise _lacks(node, f"this form: {error}") from error
    outputs = [made] if isinstance(made, Tensor) else list(made)
    if sum(map(bool, node.output)) > len(outputs):
        raise _lacks(node, f"{len(node.output)} outputs")
    return outputs


def _lacks(node: onnx.NodeProto, what: str) -> BuildError:
    return BuildError(f"torch has no {node.op_type} here with {what} (node '{node.name}'). {INSTEAD}.")

"""What a Concat at the end of a network joined: from which tensor each element of an output comes.

Behind the Concat only operators follow that move elements and compute none. Evaluated on numbers that stand for the
tensors instead of on their values, they tell where each tensor ends up, whatever is reshaped, cut or transposed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from trtflow.data import Feed
from trtflow.errors import ModelError
from trtflow.model.edit import clone, copied, fresh_names
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, scopes
from trtflow.model.session import create_session

_MOVE = frozenset(
    {"Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
)
_CONVERT = frozenset({"Cast", "CastLike", "DequantizeLinear", "QuantizeLinear"})  # every element stays in its place
_ONE_SCALE = frozenset({"HardSigmoid", "LogSoftmax", "LpNormalization", "Sigmoid", "Softmax", "Tanh"})


@dataclass(frozen=True)
class Tail:
    """What moves the elements of ``tensor`` to their places, in topological order, and the tensors they come from."""

    tensor: str
    sources: tuple[str, ...]
    nodes: tuple[onnx.NodeProto, ...]


def tail(scope: Scope, tensor: str) -> Tail:
    """The way back from ``tensor`` of the main graph to what computes its elements."""
    sources: dict[str, None] = {}
    passed: set[str] = set()
    pending = [tensor]
    while pending:
        name = pending.pop()
        node = scope.producer(name)
        if node is None or not _moved(node):
            sources[name] = None
        elif name not in passed:
            passed.update(node.output)
            pending.extend(reversed(_moved(node)))
    nodes = tuple(node for node in scope.graph.node if passed.intersection(node.output))
    return Tail(tensor, tuple(sources), nodes)


def _moved(node: onnx.NodeProto) -> list[str]:
    """The inputs whose elements ``node`` passes on; none where it computes."""
    if node.domain not in STANDARD_DOMAINS:
        return []
    if node.op_type == "Concat":
        return list(node.input)
    return list(node.input[:1]) if node.op_type in _MOVE | _CONVERT else []


def on_one_scale(scope: Scope, tensor: str) -> bool:
    """Whether an operator puts all elements of ``tensor`` on one scale: a small one is a small share or chance."""
    return any(scale_of(scope, source) for source in tail(scope, tensor).sources)


def scale_of(scope: Scope, source: str) -> str:
    """The operator that puts ``source`` on a scale of its own, as Sigmoid does; empty where none does."""
    maker = scope.producer(source)
    return str(maker.op_type) if maker is not None and maker.op_type in _ONE_SCALE else ""


class Joined:
    """Those of ``tensors``, of the main graph of ``model``, that a Concat joined from several ``sources``."""

    def __init__(self, model: onnx.ModelProto, tensors: Iterable[str]) -> None:
        main = scopes(model)[0]
        found = [tail(main, name) for name in tensors]
        self._model, self._tails = model, [one for one in found if len(one.sources) > 1]
        self.sources = tuple(dict.fromkeys(source for one in self._tails for source in one.sources))
        self._session: Any = None

    def labels(self, feed: Feed) -> dict[str, NDArray[np.int64]]:
        """Per joined tensor, in its shape for ``feed``, the place in ``sources`` of what each element comes from.

        Raises:
            ModelError: ONNX Runtime cannot tell.
        """
        if not self._tails:
            return {}
        try:
            if self._session is None:
                self._session = create_session(_labelling(self._model, self._tails, self.sources), many=True)
            found = self._session.run(None, feed)
        except ModelError:
            raise
        except Exception as error:  # ONNX Runtime raises a dozen classes without a common base
            raise ModelError(f"ONNX Runtime cannot tell what the outputs are joined from: {error}") from error
        return {one.tensor: labels for one, labels in zip(self._tails, found, strict=True)}


def _labelling(model: onnx.ModelProto, tails: Iterable[Tail], sources: Iterable[str]) -> onnx.ModelProto:
    """A copy of ``model`` that returns labels: constants shaped like ``sources``, moved as ``tails`` move values."""
    copy = clone(model)
    fresh = fresh_names(copy)
    named: dict[str, str] = {}
    for index, source in enumerate(sources):
        shape, named[source] = fresh(source, "shape"), fresh.pair(source, "label")
        value = numpy_helper.from_array(np.array([index], np.int64))
        copy.graph.node.append(helper.make_node("Shape", [source], [shape], fresh(shape, "node")))
        copy.graph.node.append(
            helper.make_node("ConstantOfShape", [shape], [named[source]], fresh(named[source], "node"), value=value)
        )
    done: set[str] = set()
    for one in tails:
        for node in one.nodes:
            if not done.issuperset(node.output):
                done.update(node.output)
                named.update((name, fresh.pair(name, "label")) for name in node.output if name)
                copy.graph.node.append(_moving(node, named))
    del copy.graph.output[:]
    copy.graph.output.extend(
        helper.make_tensor_value_info(named[one.tensor], onnx.TensorProto.INT64, None) for one in tails
    )
    return copy


def _moving(node: onnx.NodeProto, named: Mapping[str, str]) -> onnx.NodeProto:
    """What moves labels as ``node`` moves values."""
    outputs = [named.get(name, "") for name in node.output]
    if node.op_type in _CONVERT:
        return helper.make_node("Identity", [named[node.input[0]]], outputs[:1], outputs[0])
    moved = copied(node)
    moved.name = outputs[0]
    for index in range(len(_moved(node))):
        moved.input[index] = named[node.input[index]]
    moved.output[:] = outputs
    return moved

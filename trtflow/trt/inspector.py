"""What is inside an engine: the JSON of TensorRT's engine inspector, in the shapes that it has had.

Up to 10: ``Bindings`` names inputs and outputs, and a tensor has ``Format/Datatype``. 11.0 split the latter into
``Format`` and ``Datatype``; after it ``Bindings`` became ``I/O Tensors``. Layers are the same in all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trtflow.errors import BackendError
from trtflow.precision import ROWS, Precision

_NODE = re.compile(r"\[ONNX Layer: (.*?)\](?=[\x1e\x1f]|\[ONNX Layer: |\s*$)", re.DOTALL)
"""An entry of a layer's metadata; ``\\x1f`` parts nodes, ``\\x1e`` groups of them, and a name may hold brackets."""

_WORDS: Mapping[str, Precision] = {
    word.lower().replace("_", ""): row.name
    for row in ROWS.values()
    for word in (row.name, row.names.network, row.names.bindings, row.dtype_name, row.dtype_name.removesuffix("fn"))
}
_DETAIL = "Build it with ProfilingVerbosity.DETAILED (trtexec: --profilingVerbosity=detailed)."


@dataclass(frozen=True)
class EngineTensor:
    """A tensor that a layer reads or writes; ``precision`` is None for integers, booleans and what is not told."""

    name: str
    precision: Precision | None
    dims: tuple[int, ...]


@dataclass(frozen=True)
class EngineLayer:
    """A layer of an engine, the ONNX ``nodes`` that went into it, and the kernel (``tactic``) that was chosen."""

    name: str
    type: str
    inputs: tuple[EngineTensor, ...]
    outputs: tuple[EngineTensor, ...]
    nodes: tuple[str, ...]
    tactic: str = ""

    @property
    def copies(self) -> bool:
        """Whether it only stores values otherwise, or computes none."""
        return self.type.lower() in {"reformat", "noop", "constant"}

    @property
    def precisions(self) -> frozenset[Precision]:
        """Of all that it reads and writes."""
        return frozenset(tensor.precision for tensor in (*self.inputs, *self.outputs) if tensor.precision)


def read_layers(text: str) -> tuple[EngineLayer, ...]:
    """The layers that ``text``, of the inspector or of trtexec's ``--exportLayerInfo``, tells.

    Raises:
        BackendError: it is no such JSON, or holds no layers or their names only.
    """
    try:
        document = json.loads(text, strict=False)
    except ValueError as error:
        raise BackendError(
            f"the engine inspector's answer is no JSON ({error}); expected its JSON format."
        ) from error
    found = document.get("Layers") if isinstance(document, Mapping) else None
    if not isinstance(found, list) or not found:
        raise BackendError(f"the engine inspector tells no layers; expected a list of them in 'Layers'. {_DETAIL}")
    if not all(isinstance(layer, Mapping) for layer in found):
        raise BackendError(f"the engine tells names of layers only; expected their types and tensors. {_DETAIL}")
    return tuple(map(_layer, found))


def nodes_of(metadata: str) -> tuple[str, ...]:
    """The ONNX nodes in a layer's ``metadata``, each once, in its order."""
    return tuple(dict.fromkeys(_NODE.findall(metadata)))


def precision_of(words: str) -> Precision | None:
    """The precision in what TensorRT says of a type: "Half", "Row major linear FP32 format", "BFloat16"."""
    found = (_WORDS[word] for word in re.findall(r"[a-z0-9]+", words.lower()) if word in _WORDS)
    return next(found, None)


def _layer(told: Mapping[str, Any]) -> EngineLayer:
    return EngineLayer(
        name=str(told.get("Name", "")),
        type=str(told.get("LayerType", "")),
        inputs=tuple(_tensors(told.get("Inputs"))),
        outputs=tuple(_tensors(told.get("Outputs"))),
        nodes=nodes_of(str(told.get("Metadata", ""))),
        tactic=str(told.get("TacticName") or told.get("TacticValue") or ""),
    )


def _tensors(told: Any) -> Iterator[EngineTensor]:
    for tensor in told or ():
        words = (tensor.get(key) for key in ("Datatype", "DataType", "Format/Datatype", "Format"))
        said = next((word for word in words if word), "")
        yield EngineTensor(
            str(tensor.get("Name", "")), precision_of(said), tuple(map(int, tensor.get("Dimensions") or ()))
        )

"""What is read off a built engine: its layers for the names table, and what became of the precisions asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtflow.errors import BackendError
from trtflow.facts import fact
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32
from trtflow.trt.capabilities import Typing
from trtflow.trt.honoured import Honoured, honoured
from trtflow.trt.inspector import read_layers

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtflow.files.exports.layers import LayerName

LAYERS, NAMES = "engine-layers.json", "engine.names.csv"


def inspect(module: Any, logger: Any, engine: bytes) -> tuple[str, str]:
    """What the inspector of ``module`` says of ``engine``, and why it was not asked; one of both is empty."""
    if fact("gpu") is None:
        return "", "an engine is loaded, and its layers read, on a GPU only"
    loaded = module.Runtime(logger).deserialize_cuda_engine(engine)
    if loaded is None:
        return "", "the engine cannot be loaded on the GPU here"
    text = str(loaded.create_engine_inspector().get_engine_information(module.LayerInformationFormat.JSON))
    try:
        read_layers(text)
    except BackendError as error:
        return "", str(error)
    return text, ""


def check(text: str, model: ModelProto, plan: PrecisionPlan | None, typing: Typing) -> Honoured:
    """What became of ``plan``, or of the types in ``model``, in the engine of which the inspector says ``text``.

    Weakly typed, an engine is told of the nodes that the plan names; what it makes of others it is free to choose.

    Raises:
        BuildError: nothing in the engine has the low precision that was asked for.
    """
    from trtflow.trt.asked import typed_nodes

    layers, typed = read_layers(text), typed_nodes(model)
    if plan is None or typing == "strong":
        return honoured(layers, PrecisionPlan(FP32, typed), typed)
    found = honoured(layers, plan, dict.fromkeys((*plan.nodes, *typed)))
    return Honoured(tuple(one for one in found.constraints if one.node in plan.nodes))


def write_table(rows: Sequence[LayerName], says: str, model: ModelProto, text: str, destination: Path) -> None:
    """Write the names table ``rows`` of the network of ``model``, with the engine's layers, to ``destination``."""
    from trtflow.files.names import NamesTable, write_names
    from trtflow.model.naming import parsed_name
    from trtflow.model.scopes import scopes
    from trtflow.trt.names import with_engine_layers

    ops = {parsed_name(node): node.op_type for scope in scopes(model) for node in scope.graph.node}
    write_names(NamesTable(says, with_engine_layers(rows, _metadata(text))), ops, destination)


def _metadata(text: str) -> Mapping[str, str]:
    """Layer of the engine → its metadata."""
    layers = json.loads(text, strict=False)["Layers"]
    return {str(told["Name"]): str(told.get("Metadata", "")) for told in layers}

"""Local functions written out, so that a plan reaches the nodes in them."""

from __future__ import annotations

import onnx
import onnx.inliner

from trtflow.model.scopes import STANDARD_DOMAINS, opset
from trtflow.model.types import schema_of


def inline_functions(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """``model`` without local functions, and what became of them. ``model`` itself may lose some.

    ONNX leaves it to the runtime what a function means that has the name of one of its operators. The reference
    runs in ONNX Runtime, which takes the operator: so does trtflow.
    """
    hidden = [function for function in model.functions if _is_operator(model, function)]
    notes = []
    for function in hidden:
        model.functions.remove(function)
    if hidden:
        names = ", ".join(sorted(function.name for function in hidden))
        notes.append(f"local functions named as ONNX's operators ({names}) were left out: ONNX Runtime runs these")
    if model.functions:
        notes.append(f"{len(model.functions)} local functions were inlined")
        model = onnx.inliner.inline_local_functions(model)
    return model, notes


def _is_operator(model: onnx.ModelProto, function: onnx.FunctionProto) -> bool:
    schema = schema_of(function.name, opset(model)) if function.domain in STANDARD_DOMAINS else None
    return schema is not None and not schema.deprecated

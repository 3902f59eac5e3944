"""What ONNX's checker says of a rewritten file: only what it does not say of the original is the rewrite's fault."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import onnx

from trtflow.model.load import save
from trtflow.model.skeleton import skeleton

_NODE = re.compile(r"Name: (?P<name>.*) OpType: ")
_INFERENCE = re.compile(r"\(op_type:[^,()]*, node name: (?P<name>[^()]*)\): (?P<text>[^\n]*)")
Complaints = dict[str, str]
"""Sentences by the node that each is about; by the sentence itself where it is about none."""


class RewriteError(Exception):
    """The rewrite made what ONNX does not allow: a bug of ours, hence no ``TrtflowError``."""


def check_rewritten(path: Path, mixed: onnx.ModelProto, original: onnx.ModelProto) -> list[str]:
    """Notes on what ONNX's checker says of ``mixed``, saved at ``path``, and of the model that it was made from.

    Raises:
        RewriteError: there is a complaint that the original gives no reason for.
    """
    found = complaints(path, mixed)
    if not found:
        return []
    with tempfile.TemporaryDirectory() as folder:
        save(original, Path(folder) / "model.onnx")
        known = complaints(Path(folder) / "model.onnx", original)
    new = [text for place, text in found.items() if place not in known]
    if new:
        raise RewriteError(f"ONNX's checker refuses the rewritten file, and not the original: {'; '.join(new)}")
    return [f"ONNX's checker complains of the original, too: {text}" for text in found.values()]


def complaints(path: Path, model: onnx.ModelProto) -> Complaints:
    """What ONNX's full check says of ``model``, saved at ``path``; nothing for a model that it accepts.

    Its first complaint about the structure, and all of those about types and shapes.
    """
    found: Complaints = {}
    try:
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError as error:
        text = str(error).strip()
        first, named = text.splitlines()[0], _NODE.search(text)
        found[named["name"] if named else first] = f"node '{named['name']}': {first}" if named else first
    try:
        onnx.shape_inference.infer_shapes(skeleton(model), check_type=True, strict_mode=True, data_prop=True)
    except Exception as error:  # onnx raises several kinds
        text = str(error).strip()
        places = {match["name"]: f"node '{match['name']}': {match['text']}" for match in _INFERENCE.finditer(text)}
        first = text.splitlines()[0]
        found |= places or {first: first}
    return found

"""ONNX files in and out: what comes back is an FP32 reference with unique node names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import onnx

from trtflow.errors import ModelError
from trtflow.model.declared import mend_declared
from trtflow.model.defaults import hide_weights
from trtflow.model.dequantized import one_reader_each
from trtflow.model.edit import clone
from trtflow.model.external import external_files
from trtflow.model.foreign import move_plugins
from trtflow.model.functions import inline_functions
from trtflow.model.interface import check_interface, free_dimensions
from trtflow.model.naming import parsed_names, unique_names
from trtflow.model.opset import OLDEST, STABLE, raise_opset, refuse_old_scans
from trtflow.model.order import sort_nodes
from trtflow.model.scopes import opset, uses_standard_operators
from trtflow.model.spelling import respell
from trtflow.model.types import infer
from trtflow.model.upcast import drop_noop_casts, keep_interface, retype
from trtflow.model.weights import check_stored, check_weights

LARGEST = 1900 * 2**20
"""Bytes of weights above which ``save`` writes them beside the file: protobuf's limit is 2 GiB for everything."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that trtflow works on, what was done to make it so, and the sha256 of its file.

    Where weights lie in files of their own, their content follows the model's in the digest. ``renamed``: the file
    lacks some of its node names, or has them twice.
    """

    model: onnx.ModelProto
    notes: tuple[str, ...]
    digest: str
    renamed: bool = False


def load(path: Path | str, *, allow_nonfinite: bool = False) -> LoadedModel:
    """Read the ONNX file at ``path`` and ``prepare`` it. ``allow_nonfinite``: weights may hold NaN and infinity.

    Raises:
        ModelError: the file is missing or no ONNX, what it takes or returns cannot be judged, or its weights are no
            numbers.

    Example:
        >>> trtflow.load("unet.onnx").model
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror}") from error
    try:
        model = onnx.load(path)
    except Exception as error:
        raise ModelError(f"{path} is not an ONNX model, or its external data is missing: {error}") from error
    if not model.graph.node and not model.graph.output:
        raise ModelError(f"{path} is not an ONNX model: it holds no graph")
    digest = hashlib.sha256(content)
    for location in external_files(path):
        digest.update((path.parent / location).read_bytes())
    check_interface(model)
    check_stored(model)
    if not allow_nonfinite:
        check_weights(model)
    prepared, notes = prepare(model)
    renamed = bool(parsed_names(prepared) - parsed_names(model))
    return LoadedModel(prepared, notes, digest.hexdigest(), renamed)


def prepare(model: onnx.ModelProto) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """A copy of ``model`` as an FP32 reference, and what was done: each step appears in the notes if it did anything.

    What runtimes forgive is spelt as ONNX asks, local functions are inlined, nodes are sorted, declared types that
    contradict the inputs go, opsets that operators have outgrown are raised, weights listed as inputs become
    constants (but no inputs that have a default), nodes get unique names, operators among ONNX's own that are none
    get a domain, FP16 and BF16 become exact FP32 (inputs and outputs keep their types), readers of a
    DequantizeLinear get one each.

    Raises:
        ModelError: the graph is none that anything could compute, its opset is too old and cannot be raised, or it
            holds a Scan of opset 8.
    """
    model = clone(model)
    notes = respell(model)
    model, inlined = inline_functions(model)
    notes.extend(inlined)
    refuse_old_scans(model)
    notes.extend(sort_nodes(model))
    notes.extend(unique_names(model))
    notes.extend(move_plugins(model))
    notes.extend(free_dimensions(model))
    notes.extend(hide_weights(model))
    notes.extend(mend_declared(model))
    model, raised = _stable(model)
    notes.extend(raised)
    notes.extend(_upcast(model))
    notes.extend(one_reader_each(model))
    return model, tuple(notes)


def _stable(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """``model`` in opset ``STABLE`` at least, as it is when ONNX cannot convert it and it need not be converted."""
    before = opset(model)
    if before >= STABLE or not uses_standard_operators(model):
        return model, []
    try:
        raised = raise_opset(model, STABLE)
    except ModelError as error:
        if before < OLDEST:
            raise
        return model, [f"opset {before} was kept, so that bf16 is out of reach: {error}"]
    unique_names(raised)
    return raised, [f"opset {before} was raised to {STABLE}"]


def _upcast(model: onnx.ModelProto) -> list[str]:
    types = infer(model)
    changed = retype(model)
    dropped = drop_noop_casts(model)
    casts = f"{dropped} Casts that do nothing in FP32 were removed"
    if not changed:
        return [casts] if dropped else []
    kept = keep_interface(model, types)
    boundary = f"; {', '.join(kept)} keep their types" if kept else ""
    return [f"{changed} FP16 or BF16 types were made exact FP32{boundary}", *([casts] if dropped else [])]


def save(model: onnx.ModelProto, path: Path | str) -> None:
    """Write ``model`` to ``path``; weights go to ``<name>.data`` beside it when they exceed protobuf's limit.

    Example:
        >>> trtflow.save(model, "unet.mixed.onnx")
    """
    path = Path(path)
    size = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if size <= LARGEST:
        onnx.save(model, path)
    else:
        onnx.save(clone(model), path, save_as_external_data=True, location=f"{path.name}.data")

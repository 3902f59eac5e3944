"""Load a model: unique names, an exact FP32 reference, and what there is to decide."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import onnx

from trtflow.files.outcomes import ModelFacts
from trtflow.model.analysis import analyse, candidates
from trtflow.model.foreign import runnable
from trtflow.model.load import LoadedModel, load
from trtflow.qdq.bypass import without_pairs
from trtflow.qdq.recognise import recognised
from trtflow.tasks.foreign import foreign_operators
from trtflow.tasks.nothing import nothing_to_lower
from trtflow.tasks.selected import selected_by


def inspect(path: Path, *, allow_nonfinite: bool = False, requantize: bool = False) -> tuple[LoadedModel, ModelFacts]:
    """The normalised model in ``path``, and its facts.

    ``allow_nonfinite``: weights may hold NaN and infinity. ``requantize``: Q/DQ pairs are taken out of the model, so
    that it is one in floating point.

    Raises:
        ModelError: the file is missing, no ONNX, or cannot be normalised, or its weights are no numbers; or nothing
            of it can be judged.
    """
    loaded = load(path, allow_nonfinite=allow_nonfinite)
    if requantize:
        loaded = _without_pairs(loaded)
    analysis, judged = analyse(loaded.model), runnable(loaded.model)
    graph = loaded.model.graph
    return loaded, ModelFacts(
        file=path.name,
        sha256=loaded.digest,
        bytes=path.stat().st_size,
        nodes=len(analysis.by_name),
        candidates=len(candidates(judged.model)),
        opset=next((o.version for o in loaded.model.opset_import if o.domain in ("", "ai.onnx")), 0),
        parameters=sum(math.prod(tensor.dims) for tensor in graph.initializer),
        operators=dict(sorted(Counter(node.op_type for _, node in analysis.by_name.values()).items())),
        inputs=tuple(onnx.helper.printable_value_info(value) for value in graph.input),
        notes=loaded.notes,
        selected=tuple(selected_by(judged.model)),
        quantization=recognised(analysis),
        nothing=nothing_to_lower(analysis),
        foreign=tuple(foreign_operators(loaded.model)),
        ends=judged.ends,
        renamed=loaded.renamed,
    )


def _without_pairs(loaded: LoadedModel) -> LoadedModel:
    model, count = without_pairs(loaded.model)
    notes = [f"{count} DequantizeLinear nodes and what they read from were taken out"] if count else []
    return replace(loaded, model=model, notes=(*loaded.notes, *notes))

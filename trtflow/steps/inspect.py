"""Load the model: unique names, an exact FP32 reference, and what there is to decide."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from pydantic import Field

from trtflow.steps.contract import Context, File, Options, Result

if TYPE_CHECKING:
    import onnx

version = 1
environment = ("onnx",)
outputs = {"model": "model.onnx", "facts": "facts.json"}


class With(Options):
    """Options of ``inspect``."""

    model: File = Field(description="ONNX file, in FP32, FP16 or BF16")


def run(options: With, context: Context) -> Result:
    """Write the normalised model and its facts."""
    import onnx

    from trtflow.files.strict_json import write_json
    from trtflow.model.analysis import candidates
    from trtflow.model.load import load, save

    loaded = load(options.model)
    save(loaded.model, context.folder / outputs["model"])
    graph = loaded.model.graph
    facts = {
        "file": options.model.name,
        "sha256": loaded.digest,
        "bytes": options.model.stat().st_size,
        "nodes": len(graph.node),
        "candidates": len(candidates(loaded.model)),
        "opset": next((o.version for o in loaded.model.opset_import if o.domain in ("", "ai.onnx")), 0),
        "parameters": sum(_size(tensor) for tensor in graph.initializer),
        "operators": dict(sorted(Counter(node.op_type for node in graph.node).items())),
        "inputs": [onnx.helper.printable_value_info(value) for value in graph.input],
        "notes": list(loaded.notes),
    }
    write_json(facts, context.folder / outputs["facts"])
    notes = f", {len(loaded.notes)} notes" if loaded.notes else ""
    summary = f"{facts['nodes']} nodes, {facts['candidates']} of them can take a low precision{notes}"
    return Result(metrics={"nodes": facts["nodes"], "candidates": facts["candidates"]}, summary=summary)


def _size(tensor: onnx.TensorProto) -> int:
    return math.prod(tensor.dims)

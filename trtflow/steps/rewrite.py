"""Write the mixed-precision ONNX that TensorRT builds as is, and check it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any

from pydantic import Field

from trtflow.steps.contract import Context, File, Options, Result

version = 1
environment = ("onnx", "onnx-graphsurgeon", "onnxruntime")
outputs = {"model": "mixed.onnx", "notes": "rewrite.json"}
published = {"model": "{config}.mixed.onnx"}

_LOAD = "import sys, onnxruntime as o; o.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])"


class With(Options):
    """Options of ``rewrite``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    plan: File = Field(description="the precision plan, from bisect or quantize")
    scales: File | None = Field(None, description="the scales file, from calibrate; for plans with INT8 or FP8")
    cures: File | None = Field(None, description="clipped weights and corrected biases, from cure")


def run(options: With, context: Context) -> Result:
    """Rewrite, check with onnx.checker, load in ONNX Runtime in a process of its own."""
    import onnx

    from trtflow.files.strict_json import write_json
    from trtflow.model.load import save
    from trtflow.plan import read_plan
    from trtflow.rewriting.rewrite import rewrite
    from trtflow.runners.quantized import read_ranges_of

    destination = context.folder / outputs["model"]
    model, plan = onnx.load(options.model), read_plan(options.plan)
    quantized = read_ranges_of(options.scales, options.cures).quantize(model, plan)
    rewritten = rewrite(quantized.model, quantized.plan)
    save(rewritten.model, destination)
    onnx.checker.check_model(str(destination), full_check=True)
    refusal = _refusal(str(destination))
    counts = Counter(node.op_type for node in rewritten.model.graph.node)
    casts, pairs = counts["Cast"], counts["QuantizeLinear"]
    document: dict[str, Any] = {
        "casts": casts,
        "pairs": pairs,
        "bytes": destination.stat().st_size,
        "promoted": {**quantized.skipped, **rewritten.promoted},
        "notes": [*rewritten.notes, *([f"ONNX Runtime does not load it here: {refusal}"] if refusal else [])],
    }
    write_json(document, context.folder / outputs["notes"])
    count = len(document["promoted"])
    promoted = f", {count} more nodes kept high" if count else ""
    quantised = f" and {pairs} Q/DQ pairs" if pairs else ""
    summary = f"{casts} Casts{quantised}, {document['bytes'] / 1e6:.2f} MB{promoted}"
    return Result(metrics={"casts": casts, "pairs": pairs}, summary=summary)


def _refusal(path: str) -> str:
    """Why ONNX Runtime does not load the file; it has been seen to crash on FP16 graphs, hence the child."""
    child = subprocess.run([sys.executable, "-c", _LOAD, path], capture_output=True, text=True, check=False)  # noqa: S603
    if child.returncode == 0:
        return ""
    lines = child.stderr.strip().splitlines()
    return lines[-1] if lines and child.returncode > 0 else f"it ended with status {child.returncode}"

"""A script that sets precisions, output types and ranges in Polygraphy, which hands it the network.

``polygraphy run MODEL --trt --fp16 --precision-constraints obey --trt-npps polygraphy_postprocess.py``
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template

from trtflow.files.exports.decision import Decision
from trtflow.files.exports.weak_typing import VALID, flags, is_rescaled, notes, settable
from trtflow.plan import Precision

file = "polygraphy_postprocess.py"
summary = "polygraphy run … --trt-npps: sets precisions, output types and dynamic ranges"
valid = VALID

TYPES: Mapping[Precision, str] = {
    "fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "int8": "int8", "fp8": "fp8",
}  # fmt: skip
SCRIPT = Path(__file__).with_name("polygraphy_postprocess.py.template")


def suits(decision: Decision) -> bool:
    """Any decision can be said, under any name."""
    return True


def write(decision: Decision) -> str:
    """The script, with the decision as its constants."""
    constraints, used = decision.constraints, flags(decision.constraints)
    layers = {name: TYPES[precision] for name, precision in settable(constraints).items()}
    quantized = "--int8" in used
    if quantized:  # without the cache Polygraphy would calibrate on random data
        used.append("--calibration-cache calibration.cache")
    usage = " ".join(["--trt", *used, "--precision-constraints obey"])
    model = "MODEL.cured.onnx" if is_rescaled(constraints) else constraints.model.path
    return Template(SCRIPT.read_text(encoding="utf-8")).substitute(
        valid="\n".join(notes(constraints)),
        usage=f"polygraphy run {model} {usage} \\\\\n    --trt-npps {file}",
        precisions=_literal(layers),
        default=repr(TYPES[constraints.default] if quantized else None),
        ranges=_literal(decision.ranges if quantized else {}),
    )


def _literal(table: Mapping[str, str] | Mapping[str, float]) -> str:
    return json.dumps(table, indent=4, ensure_ascii=False)

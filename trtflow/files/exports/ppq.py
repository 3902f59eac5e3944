"""PPQ's JSON of ranges, for scripts that call ``setDynamicRange``."""

from __future__ import annotations

import json

from trtflow.files.exports.decision import Decision

file = "ranges.json"
summary = "ranges in PPQ's form, for scripts that call setDynamicRange"
valid = "TensorRT up to 10.16"


def suits(decision: Decision) -> bool:
    """Only implicit quantization to INT8 reads ranges."""
    return decision.has_int8


def write(decision: Decision) -> str:
    """``{"act_quant_info": {tensor: amax}}``."""
    return json.dumps({"act_quant_info": decision.ranges}, indent=1, ensure_ascii=False) + "\n"

"""The text of ranges that TensorRT's sampleINT8API reads."""

from __future__ import annotations

from trtflow.files.exports.decision import Decision

file = "dynamic-ranges.txt"
summary = "ranges as text, tensor: amax a line, for sampleINT8API"
valid = "TensorRT up to 10.16"


def suits(decision: Decision) -> bool:
    """Only implicit quantization to INT8 reads ranges."""
    return decision.has_int8


def write(decision: Decision) -> str:
    """``tensor: amax`` a line. Its reader splits at the first colon, so a name with one becomes a comment."""
    lines = [f"{'# ' if ':' in name else ''}{name}: {amax!r}\n" for name, amax in decision.ranges.items()]
    return "".join(lines)

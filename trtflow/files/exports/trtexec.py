"""Arguments of trtexec: ``trtexec --onnx=MODEL $(grep -v '^#' trtexec.args)``.

trtexec splits lists at every comma and then at the last colon, knows no escape, and ignores unknown names; its
wildcards do not do what its help says, so names are exact.
"""

from __future__ import annotations

import re

from trtflow.files.exports.decision import Decision
from trtflow.files.exports.weak_typing import VALID, flags, notes, settable
from trtflow.precision import QUANTIZED

file = "trtexec.args"
summary = "arguments of trtexec"
valid = VALID

ARGUMENT_LIMIT = 128 * 1024  # bytes that Linux allows one argument


def suits(decision: Decision) -> bool:
    """Any decision can be said, but for some names."""
    return True


def write(decision: Decision) -> str:
    """Comments on what cannot be said, then an argument a line."""
    typed = settable(decision.constraints)
    sayable = {name: precision for name, precision in typed.items() if not re.search(r"[,'\s]", name)}
    lost = sorted(set(typed) - set(sayable))
    pairs = ",".join(f"{name}:{precision}" for name, precision in sayable.items())
    lines = [f"# {line}" for line in notes(decision.constraints)]
    lines += [f"# trtexec cannot express this name, use polygraphy_postprocess.py: {name}" for name in lost]
    if len(pairs) > ARGUMENT_LIMIT:
        lines.append("# Too long for one argument on Linux, use polygraphy_postprocess.py.")
    lines += _flags(decision)
    floats = ",".join(f"{name}:{precision}" for name, precision in sayable.items() if precision not in QUANTIZED)
    if pairs:
        lines += ["--precisionConstraints=obey", f"--layerPrecisions={pairs}"]
    if floats:
        lines.append(f"--layerOutputTypes={floats}")
    return "\n".join(lines) + "\n"


def _flags(decision: Decision) -> list[str]:
    found = flags(decision.constraints)
    if "--int8" not in found:
        return found
    comment = "# trtexec may run other layers in INT8, too; polygraphy_postprocess.py holds them."
    return [comment, *found, "--calib=calibration.cache"]

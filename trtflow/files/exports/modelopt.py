"""Arguments of ModelOpt: ``python -m modelopt.onnx.autocast --onnx_path MODEL $(grep -v '^#' modelopt.args)``."""

from __future__ import annotations

import re

from trtflow.files.exports.decision import Decision
from trtflow.plan import QUANTISED

file = "modelopt.args"
summary = "arguments of ModelOpt AutoCast: the nodes to exclude"
valid = "ModelOpt AutoCast 0.40 and later"


def suits(decision: Decision) -> bool:
    """Any decision can be said, what is quantized left out."""
    return True


def write(decision: Decision) -> str:
    """The low precision and the nodes that do not get it; ModelOpt matches names from their start only."""
    nodes = decision.constraints.nodes
    kept = [name for name, node in nodes.items() if node.precision not in QUANTISED]
    names = " ".join(f"'^{re.escape(name)}$'" for name in kept)
    exclude = f"--nodes_to_exclude {names}\n" if names else ""
    return (
        f"# NVIDIA {valid}; it matches names as regular expressions from their start.\n"
        f"--low_precision_type {decision.constraints.default}\n{exclude}"
    )

"""Arguments of trtexec: ``trtexec --onnx=MODEL $(grep -v '^#' trtexec.args)``.

trtexec splits lists at every comma and then at the last colon, knows no escape, and ignores unknown names; its
wildcards do not do what its help says, so names are exact. It sets what it is told on any layer, shapes included, so
layers come from the names table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from trtflow.files.exports.decision import Decision
from trtflow.files.exports.layers import told
from trtflow.files.exports.weak_typing import VALID, bindings, default_word, flags, notes, settable
from trtflow.precision import OF_BINDINGS, QUANTIZED

file = "trtexec.args"
summary = "arguments of trtexec"
valid = VALID

ARGUMENT_LIMIT = 128 * 1024  # bytes that Linux allows one argument
UNNAMED = "(Unnamed Layer"  # its number changes with any edit
INTEGERS = {"INT32": "int32", "INT64": "int64", "BOOL": "bool", "SHAPE": "int64"}  # beside a float of one layer


def suits(decision: Decision) -> bool:
    """Any decision can be said, but for some names."""
    return True


def write(decision: Decision) -> str:
    """Comments on what cannot be said, then an argument a line."""
    precisions, types = _from_table(decision) if decision.names.rows else _by_rule(decision)
    names = {**precisions, **types}
    sayable = {name for name in names if not re.search(r"[,'\s]", name) and not name.startswith(UNNAMED)}
    lines = [f"# {line}" for line in notes(decision.constraints, decision.renamed)]
    lines.append(f"# {_origin(decision)}")
    lost = sorted(names.keys() - sayable)
    lines += [f"# trtexec cannot express this name, use polygraphy_postprocess.py: {name}" for name in lost]
    lists = [_list(precisions, sayable), _list(types, sayable)]
    if any(len(pairs.encode()) > ARGUMENT_LIMIT for pairs in lists):
        lines.append("# Too long for one argument on Linux, use polygraphy_postprocess.py.")
    lines += _flags(decision)
    lines += ["--precisionConstraints=obey"] if any(lists) else []
    keys = ("layerPrecisions", "layerOutputTypes")
    lines += [f"--{key}={pairs}" for key, pairs in zip(keys, lists, strict=True) if pairs]
    return "\n".join(lines) + "\n"


def _list(pairs: Mapping[str, str], sayable: set[str]) -> str:
    return ",".join(f"{name}:{kind}" for name, kind in pairs.items() if name in sayable)


def _from_table(decision: Decision) -> tuple[dict[str, str], dict[str, str]]:
    """Layer → precision, and layer → output types, of every layer of a node and those that serve it."""
    constraints, rows = decision.constraints, decision.names.rows
    nodes = {name: node.precision for name, node in constraints.nodes.items()}
    precisions, types = {}, {}
    said = told(rows, bindings(settable(constraints)), default_word(constraints.default, nodes))
    for row, (precision, outputs) in zip(rows, said, strict=True):
        if precision is not None:
            precisions[row.layer] = str(OF_BINDINGS[precision])
        if any(outputs):
            pairs = zip(outputs, row.types, strict=True)
            types[row.layer] = "+".join(OF_BINDINGS[word] if word else INTEGERS[kind] for word, kind in pairs)
    return precisions, types


def _by_rule(decision: Decision) -> tuple[dict[str, str], dict[str, str]]:
    """By the node's name, which is that of its first layer alone."""
    typed = settable(decision.constraints)
    floats = {name: precision for name, precision in typed.items() if precision not in QUANTIZED}
    return {**typed}, {**floats}


def _origin(decision: Decision) -> str:
    if decision.names.rows:
        return (
            f"Layers as {decision.names.parser} names them; another version may name those that serve a node "
            "otherwise, and trtexec ignores names that it does not know."
        )
    return "No parser was at hand: of a node that becomes several layers only the first is held. See names.csv."


def _flags(decision: Decision) -> list[str]:
    found = flags(decision.constraints)
    if "--int8" not in found:
        return found
    comment = "# trtexec may run other layers in INT8, too; polygraphy_postprocess.py holds them."
    return [comment, *found, "--calib=calibration.cache"]

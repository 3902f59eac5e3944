"""Weak typing, in which flags and scripts set the precision of layers of an FP32 network.

It ended with TensorRT 10.16; from 11 on, and for TensorRT-RTX, the rewritten ONNX is the only form.
"""

from __future__ import annotations

from collections.abc import Mapping

from trtflow.cures.rescaling import Rescaling
from trtflow.files.constraints import Constraints
from trtflow.precision import FP32, PRECISIONS, QUANTIZED, ROWS, Precision

VALID = "TensorRT 8.4 to 10.16"


def notes(constraints: Constraints, renamed: bool = False) -> list[str]:
    """For which versions and which file the weakly typed formats are, and what of the decision they lack.

    ``renamed``: the model's own file names two nodes alike.
    """
    beside = "which the run left beside the mixed one"
    model = "original ONNX"
    if is_rescaled(constraints):
        model = f"cured ONNX, {beside}"
    elif renamed:
        model = f"named ONNX, {beside}: nodes of the original share names"
    lines = [f"{VALID}, weakly typed, on the {model}. TensorRT 11 and TensorRT-RTX: build the mixed ONNX."]
    lost: list[str] = sorted({cure.kind for cure in constraints.cures if not isinstance(cure, Rescaling)})
    if any(not ROWS[node.precision].weakly_typed for node in constraints.nodes.values()):
        lost.append("FP8 layers, which need Q/DQ pairs")
    return [*lines, *([f"Only the mixed ONNX has the {' and the '.join(lost)}."] if lost else [])]


def settable(constraints: Constraints) -> dict[str, Precision]:
    """The nodes whose precision flags and scripts can set: FP8 exists as Q/DQ pairs only."""
    return {name: node.precision for name, node in constraints.nodes.items() if ROWS[node.precision].weakly_typed}


def flags(constraints: Constraints) -> list[str]:
    """A flag for each precision that the decision uses; FP32 needs none."""
    used = {constraints.default, *settable(constraints).values()}
    return [f"--{precision}" for precision in PRECISIONS if precision in used and precision != FP32]


def bindings(nodes: Mapping[str, Precision]) -> dict[str, str]:
    """Node → TensorRT's Python constant, of those that can be set."""
    return {name: ROWS[kind].names.bindings for name, kind in nodes.items() if ROWS[kind].weakly_typed}


def default_word(default: Precision, nodes: Mapping[str, Precision]) -> str | None:
    """The constant of other layers with weights; None where nothing is in INT8, so that the flags do."""
    quantized = any(kind in QUANTIZED and ROWS[kind].weakly_typed for kind in nodes.values())
    return ROWS[default].names.bindings if quantized else None


def model_file(constraints: Constraints, renamed: bool) -> str:
    """The file that a weakly typed engine is built from."""
    if is_rescaled(constraints):
        return "MODEL.cured.onnx"
    return "MODEL.named.onnx" if renamed else constraints.model.path


def is_rescaled(constraints: Constraints) -> bool:
    """Whether the ranges are those of the cured network, not of the original one."""
    return any(isinstance(cure, Rescaling) for cure in constraints.cures)

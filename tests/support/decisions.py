"""Decisions to export."""

from __future__ import annotations

from collections.abc import Mapping

from trtflow.cures.clipping import Clipping
from trtflow.cures.rescaling import Rescaling
from trtflow.files.constraints import Constraints, ModelReference, Node
from trtflow.files.exports import calibration_cache as cache
from trtflow.files.exports.decision import TENSORRT, Decision, Version


def decision(*kept: str, scales: Mapping[str, float] | None = None, **low: str) -> Decision:
    """FP16, but for FP32 nodes called ``kept``, and ``low``: node → precision."""
    nodes = {name: Node(precision=p, op="Conv", reason="quantized") for name, p in low.items()}  # type: ignore[arg-type]
    nodes |= {name: Node(precision="fp32", op="Conv", reason="R01") for name in kept}
    model = ModelReference(path="m.onnx", sha256="0")
    return Decision(Constraints(model=model, default="fp16", nodes=nodes, scales=scales or {}))


def int8_decision() -> Decision:
    """``a`` in INT8, ``b`` in FP32, with ranges of which one is dead and one of no tensor that is there."""
    return decision("b", a="int8", scales={"x": 2.5, "a_out": 0.0, "b_out": 7.0, "of another graph": 1.0})


def cured_decision() -> Decision:
    """The INT8 decision with a range moved, and a cure that only Q/DQ pairs can have."""
    about = {"subject": "b_out", "nodes": ("b",), "before": 1.0, "after": 0.1}
    cures = (Rescaling(kind="migration", shifts=(1, 0), **about), Clipping(shares=(0.9,), **about))
    return Decision(int8_decision().constraints.model_copy(update={"cures": cures}))


def calibration_cache(amax: Mapping[str, float], version: Version = TENSORRT) -> str:
    """A cache of these ranges."""
    return cache.write(Decision(decision(scales=amax).constraints, tensorrt=version))

"""Options for ONNX Runtime's TensorRT provider on the mixed ONNX: strongly typed, so the Casts are obeyed."""

from __future__ import annotations

import json

from trtflow.files.exports.decision import Decision
from trtflow.files.runtime_trial import RuntimeTrial, sentence

file = "ort_providers.json"
summary = "providers and their options for ONNX Runtime, on the mixed ONNX"
valid = "onnxruntime-gpu 1.17 and later with TensorRT 9 and later"


def suits(decision: Decision) -> bool:
    """The decision is in the mixed ONNX, so any will do."""
    return True


def write(decision: Decision) -> str:
    """The list that ``InferenceSession`` takes as ``providers``, under that key."""
    return providers()


def providers(trial: RuntimeTrial | None = None) -> str:
    """The same list, and under ``cpu`` what ONNX Runtime's CPU did with the mixed ONNX, and the session it needs.

    ``session`` is None where no setting helps; ``disabled-optimizers`` go to ``InferenceSession`` under that name.
    """
    options = {"trt_fp16_enable": False, "trt_int8_enable": False, "trt_engine_cache_enable": True}
    document: dict[str, object] = {
        "valid-for": f"{valid}, on the mixed ONNX",
        "providers": [["TensorrtExecutionProvider", options], ["CUDAExecutionProvider", {"use_tf32": 0}]],
    }
    if trial is not None:
        document["cpu"] = {"said": sentence(trial), "session": _session(trial)}
    return json.dumps(document, indent=2) + "\n"


def _session(trial: RuntimeTrial) -> dict[str, object] | None:
    works = trial.works
    if works is None:
        return None
    return {
        "graph-optimization-level": works.level,
        "disabled-optimizers": list(works.disabled),
        "config-entries": dict(works.entries),
    }

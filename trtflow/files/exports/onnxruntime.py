"""Options for ONNX Runtime's TensorRT provider on the mixed ONNX: strongly typed, so the Casts are obeyed."""

from __future__ import annotations

import json

from trtflow.files.exports.decision import Decision

file = "ort_providers.json"
summary = "providers and their options for ONNX Runtime, on the mixed ONNX"
valid = "onnxruntime-gpu 1.17 and later with TensorRT 9 and later"


def suits(decision: Decision) -> bool:
    """The decision is in the mixed ONNX, so any will do."""
    return True


def write(decision: Decision) -> str:
    """The list that ``InferenceSession`` takes as ``providers``, under that key."""
    options = {"trt_fp16_enable": False, "trt_int8_enable": False, "trt_engine_cache_enable": True}
    document = {
        "valid-for": f"{valid}, on the mixed ONNX",
        "providers": [["TensorrtExecutionProvider", options], ["CUDAExecutionProvider", {"use_tf32": 0}]],
    }
    return json.dumps(document, indent=2) + "\n"

"""Options for ONNX Runtime's TensorRT provider on the original ONNX, weakly typed, with the ranges of its table."""

from __future__ import annotations

import json

from trtflow.files.exports import onnxruntime_table
from trtflow.files.exports.decision import Decision
from trtflow.files.exports.weak_typing import model_file, notes

file = "ort_int8.json"
summary = "options for ONNX Runtime's TensorRT provider in INT8, with calibration.flatbuffers"
valid = onnxruntime_table.valid

OPTIONS = {
    "trt_fp16_enable": True,
    "trt_int8_enable": True,
    "trt_int8_use_native_calibration_table": False,  # the native one, calibration.cache, loses names with a colon
    "trt_int8_calibration_table_name": onnxruntime_table.file,
    "trt_engine_cache_enable": True,
    "trt_engine_cache_path": ".",
}


def suits(decision: Decision) -> bool:
    """Only implicit quantization to INT8 reads ranges."""
    return decision.has_int8


def write(decision: Decision) -> str:
    """The list that ``InferenceSession`` takes as ``providers``; the provider has no precision by layer."""
    document = {
        "valid-for": f"{valid}. {notes(decision.constraints, decision.renamed)[0]}",
        "model": model_file(decision.constraints, decision.renamed),
        "lost": "the precision of each node: TensorRT chooses the layers that run in INT8. The table must lie in "
        "trt_engine_cache_path.",
        "providers": [["TensorrtExecutionProvider", OPTIONS], ["CUDAExecutionProvider", {"use_tf32": 0}]],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

"""ONNX Runtime is to obey the types of the mixed ONNX."""

from __future__ import annotations

import json

from decisions import decision

from trtflow.files.exports import onnxruntime


def test_onnx_runtime_is_told_to_obey_the_types() -> None:
    document = json.loads(onnxruntime.write(decision()))
    assert document["valid-for"].startswith("onnxruntime-gpu 1.17 and later")
    (first, options), (second, others) = document["providers"]
    assert first == "TensorrtExecutionProvider"
    assert not options["trt_fp16_enable"]
    assert not options["trt_int8_enable"]
    assert (second, others["use_tf32"]) == ("CUDAExecutionProvider", 0)

"""In INT8 the provider is told the table, and the reader what it cannot be told."""

from __future__ import annotations

import json

import pytest
from decisions import cured_decision, decision, int8_decision

from trtflow.files.exports import onnxruntime_int8
from trtflow.files.exports.decision import Decision


def test_eight_bits_are_read_from_the_table_in_the_folder_of_the_engine_cache() -> None:
    (first, options), (second, others) = json.loads(onnxruntime_int8.write(int8_decision()))["providers"]
    assert (first, second, others) == ("TensorrtExecutionProvider", "CUDAExecutionProvider", {"use_tf32": 0})
    assert options == {
        "trt_fp16_enable": True,
        "trt_int8_enable": True,
        "trt_int8_use_native_calibration_table": False,
        "trt_int8_calibration_table_name": "calibration.flatbuffers",
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": ".",
    }


@pytest.mark.parametrize(
    ("made", "file"),
    [
        (int8_decision(), "m.onnx"),
        (cured_decision(), "MODEL.cured.onnx"),
        (Decision(int8_decision().constraints, renamed=True), "MODEL.named.onnx"),
    ],
)
def test_it_names_the_file_that_the_ranges_are_of(made: Decision, file: str) -> None:
    document = json.loads(onnxruntime_int8.write(made))
    assert document["model"] == file
    assert document["valid-for"].startswith("onnxruntime-gpu 1.17 and later with TensorRT up to 10.16. TensorRT")
    assert "the precision of each node" in document["lost"]


@pytest.mark.parametrize(("made", "suits"), [(int8_decision(), True), (decision("a"), False)])
def test_it_is_for_int8_alone(made: Decision, suits: bool) -> None:
    assert onnxruntime_int8.suits(made) is suits

"""NVIDIA ModelOpt's ONNX quantisation, for ``int8.py``: its package is ``nvidia-modelopt[onnx]``, with torch."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import onnx
from int8_tasks import Reader, Task

# Calibration method, and precision of what is left in floating point; the first is its default.
CASES = (("entropy", "fp16"), ("entropy", "fp32"), ("max", "fp16"), ("max", "fp32"))


def installed() -> bool:
    """Whether ``modelopt`` can be imported."""
    return importlib.util.find_spec("modelopt") is not None


def modelopt_ptq(task: Task, model: onnx.ModelProto, method: str, precision: str) -> onnx.ModelProto:
    """``model`` with what ModelOpt chooses to quantise in INT8 and the rest in ``precision``."""
    from modelopt.onnx.quantization import quantize

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize(
            str(source), "int8", calibration_data_reader=Reader(task.calibration), calibration_method=method,
            calibration_eps=["cpu"], high_precision_dtype=precision, output_path=str(target), log_level="ERROR",
        )  # fmt: skip
        return onnx.load(target)

"""The quantisers of others, each with a label for its line in the INT8 benchmark's table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import onnx
from int8_modelopt import CASES, modelopt_ptq
from int8_task import Array, Task

from trtflow.data import Dataset

NAIVE = "onnxruntime MinMax naive"


def peers(task: Task, model: onnx.ModelProto, modelopt: str | None) -> Mapping[str, Callable[[], onnx.ModelProto]]:
    """What makes an INT8 model of ``model``, by label; ``modelopt`` is the interpreter that has ModelOpt."""
    found = {NAIVE: partial(onnxruntime_static, task, model, "MinMax", per_channel=False)}
    for method in ("MinMax", "Entropy", "Percentile"):
        found[f"onnxruntime {method}"] = partial(onnxruntime_static, task, model, method)
    if modelopt is None:
        return found
    return found | {
        f"modelopt {' '.join(case)}": partial(modelopt_ptq, task, model, modelopt, *case) for case in CASES
    }


class Reader:
    """Calibration samples as ONNX Runtime reads them."""

    def __init__(self, samples: Dataset) -> None:
        self._left = iter(samples)

    def get_next(self) -> dict[str, Array] | None:
        sample = next(self._left, None)
        return None if sample is None else sample.feed


def onnxruntime_static(task: Task, model: onnx.ModelProto, method: str, per_channel: bool = True) -> onnx.ModelProto:
    """ONNX Runtime's own post-training quantisation of the whole model."""
    from onnxruntime import quantization as q

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        q.quantize_static(
            source, target, Reader(task.calibration), per_channel=per_channel,
            calibrate_method=getattr(q.CalibrationMethod, method), activation_type=q.QuantType.QInt8,
            weight_type=q.QuantType.QInt8, extra_options={"ActivationSymmetric": True, "WeightSymmetric": True},
        )  # fmt: skip
        return onnx.load(target)

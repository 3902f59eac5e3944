"""The quantizers of others, each with a label for its line in the INT8 benchmark's table."""

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
AT_ONCE = 8  # samples; 80 of text recognition take 25 GB


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
    """Calibration samples as ONNX Runtime reads them, some at a time: it holds every tensor of all that it reads."""

    def __init__(self, samples: Dataset) -> None:
        self._samples = list(samples)
        self.set_range(0, len(self._samples))

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def stride(self) -> int:
        """How many at a time; it must divide their number."""
        return max(size for size in range(1, AT_ONCE + 1) if len(self) % size == 0)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._left = iter(self._samples[start_index:end_index])

    def get_next(self) -> dict[str, Array] | None:
        sample = next(self._left, None)
        return None if sample is None else sample.feed


def onnxruntime_static(task: Task, model: onnx.ModelProto, method: str, per_channel: bool = True) -> onnx.ModelProto:
    """ONNX Runtime's own post-training quantization of the whole model."""
    from onnxruntime import quantization as q

    reader = Reader(task.calibration)
    options = {"ActivationSymmetric": True, "WeightSymmetric": True, "CalibStridedMinMax": reader.stride}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        q.quantize_static(
            source, target, reader, per_channel=per_channel,
            calibrate_method=getattr(q.CalibrationMethod, method), activation_type=q.QuantType.QInt8,
            weight_type=q.QuantType.QInt8, extra_options=options,
        )  # fmt: skip
        return onnx.load(target)

"""``MODEL FEEDS METHOD PRECISION TARGET``: run by ``int8_modelopt.py`` in the interpreter that has ModelOpt."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

import numpy as np
from modelopt.onnx.quantization import quantize


class Reader:
    """Calibration samples of an npz as ModelOpt reads them; its keys are the sample's number and the input's name."""

    def __init__(self, file: str) -> None:
        samples: dict[str, dict[str, Any]] = defaultdict(dict)
        with np.load(file) as archive:
            for key, array in archive.items():
                number, name = key.split(" ", 1)
                samples[number][name] = array
        self._samples = list(samples.values())
        self.rewind()

    def get_next(self) -> dict[str, Any] | None:
        return next(self._left, None)

    def get_first(self) -> dict[str, Any]:
        return self._samples[0]

    def rewind(self) -> None:
        self._left = iter(self._samples)


def main() -> None:
    model, feeds, method, precision, target = sys.argv[1:]
    quantize(
        model, "int8", calibration_data_reader=Reader(feeds), calibration_method=method, calibration_eps=["cpu"],
        high_precision_dtype=precision, output_path=target, log_level="ERROR",
    )  # fmt: skip


if __name__ == "__main__":
    main()

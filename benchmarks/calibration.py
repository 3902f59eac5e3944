"""Calibration time and peak memory, against ONNX Runtime's calibrators on the same data.

``python benchmarks/calibration.py [--models DIR] [task …]``; tasks are those of ``int8_tasks``. Every measurement
runs in a process of its own, from loading the model to thresholds for the activations that each tool would
quantize; "idle" loads the model and runs one sample. Peak memory is the process's maximum resident set. Only the
tools' own choice of tensors differs: trtflow asks for those that Q/DQ pairs need.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
METHODS = ("minmax", "entropy", "percentile")


def load_task(name: str, folder: Path) -> tuple[Any, list[Any]]:
    """The normalised model and its calibration samples."""
    from int8_tasks import TASKS

    from trtflow.model.load import load

    task = TASKS[name](folder)
    return load(task.model).model, list(task.calibration)


def idle(model: Any, samples: list[Any], method: str) -> int:
    """What loading and running costs without any calibration."""
    from trtflow.model.session import create_session

    create_session(model).run(None, samples[0].feed)
    return 0


def trtflow(model: Any, samples: list[Any], method: Any) -> int:
    """trtflow's streaming passes."""
    from trtflow.calibration.calibrate import Choice, calibrate
    from trtflow.data import Dataset
    from trtflow.qdq.quantize import quantizable

    data = Dataset("memory", lambda: iter(samples))
    return len(calibrate(model, quantizable(model, outputs=True), data, Choice(method, percentile=99.99)).tensors)


def onnxruntime(model: Any, samples: list[Any], method: str) -> int:
    """ONNX Runtime's calibrator of that name, on the operators that trtflow quantizes."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, create_calibrator

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._feeds = iter([sample.feed for sample in samples])

        def get_next(self) -> Any:
            return next(self._feeds, None)

    names = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, Path(folder) / "model.onnx")
        calibrator = create_calibrator(
            Path(folder) / "model.onnx",
            ["Conv", "ConvTranspose", "Gemm", "MatMul"],
            str(Path(folder) / "augmented.onnx"),
            getattr(CalibrationMethod, names[method]),
        )
        calibrator.collect_data(Reader())
        return len(calibrator.compute_data().data)


RUN: dict[str, Callable[[Any, list[Any], Any], int]] = {
    "idle": idle,
    "trtflow": trtflow,
    "onnxruntime": onnxruntime,
}


def child(name: str, folder: Path, tool: str, method: str) -> None:
    """One measurement, as JSON on the last line."""
    model, samples = load_task(name, folder)
    started = time.perf_counter()
    tensors = RUN[tool](model, samples, method)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "tensors": tensors, "samples": len(samples)}))


def measure(name: str, folder: Path, tool: str, method: str) -> None:
    """Print one row."""
    command = [sys.executable, str(HERE), "--models", str(folder), "--child", tool, method, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    if done.returncode:
        lines = (done.stderr.strip() or f"ended with status {done.returncode}").splitlines()
        print(f"  {tool:12} {method:11} failed: {lines[-1][:90]}", flush=True)
        return
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"  {tool:12} {method:11} {found['seconds']:7.1f} s  {found['peak']:7.0f} MB  "
        f"{found['tensors']:4d} tensors, {found['samples']} samples",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tasks", nargs="*", default=["unet", "silero", "ocr", "minilm"])
    parser.add_argument("--models", type=Path, default=HERE.parents[1] / "models" / "fetched")
    parser.add_argument("--child", nargs=2, metavar=("TOOL", "METHOD"))
    options = parser.parse_args()
    if options.child:
        child(options.tasks[0], options.models, *options.child)
        return
    from fetched import FetchError
    from int8_tasks import TASKS

    for name in options.tasks:
        try:
            TASKS[name](options.models)
        except FetchError as error:
            print(f"\n{name}: skipped, {error}")
            continue
        print(f"\n{name}")
        measure(name, options.models, "idle", "minmax")
        for method in METHODS:
            for tool in ("trtflow", "onnxruntime"):
                measure(name, options.models, tool, method)


if __name__ == "__main__":
    main()

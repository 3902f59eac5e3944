"""Run beside the real bindings of one version, in a process of its own: prints what it found as JSON.

TensorRT's part is played here: the calibrator is asked for its cache and its batches and handed a cache to keep, and
listener, monitor and logger are called. Copies to a GPU are noted instead.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import numpy as np
import tensorrt
from polygraphy.backend.trt import get_trt_logger

from trtflow.data import Port, load_dataset
from trtflow.errors import BackendError
from trtflow.files.ranges import read_ranges
from trtflow.trt.caches import write_cache
from trtflow.trt.calibrators import CLASSES, Batches, make_calibrator
from trtflow.trt.capabilities import capabilities
from trtflow.trt.debug import debug_listener
from trtflow.trt.monitor import make_monitor
from trtflow.trt.request import Calibrator

ABLE = capabilities(tensorrt)
AMAX = {"x": 2.0, "h": 127.0}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "version": tensorrt.__version__,
            "capabilities": {name: value for name, value in asdict(ABLE).items() if isinstance(value, bool | str)},
            "calibrators": {kind: calibrate(kind, Path(folder)) for kind in get_args(Calibrator)},
            "listener": told(listen),
            "monitor": told(monitor),
            "logger": told(log),
            "aliases": sorted(name for name in ("float32", "float16", "int8") if hasattr(tensorrt, name)),
        }
    print(json.dumps(found))  # noqa: T201


def calibrate(kind: Calibrator, folder: Path) -> Any:
    """What one calibrator does from the samples to the cache, and from the cache; the error where there is none."""
    cache, kept = folder / f"{kind}.cache", folder / f"{kind}.kept"
    batches = Batches(load_dataset(samples(folder), [Port("x", np.dtype(np.float16), (1, 3))]), batch=2)
    try:
        calibrator = make_calibrator(tensorrt, kind, batches, cache, ["x", "h"])
    except BackendError as error:
        return {"error": str(error)}
    empty = calibrator.read_calibration_cache()
    addresses = [calibrator.get_batch(["x"]) for _ in range(3)]
    write_cache(kept, AMAX, kind, ABLE)
    calibrator.write_calibration_cache(memoryview(kept.read_bytes()))
    again = make_calibrator(tensorrt, kind, batches, cache, ["x", "h"])
    return {
        "is_real": type(calibrator).__mro__[1] is getattr(tensorrt, CLASSES[kind]),
        "algorithm": calibrator.get_algorithm().name,
        "batch": calibrator.get_batch_size(),
        "empty": empty,
        "copied": COPIED[-2:],
        "addresses": addresses,
        "calibrated": asdict(batches.calibrated()),
        "ranges": read_ranges(cache).amax,
        "kept": again.read_calibration_cache() == kept.read_bytes(),
    }


def samples(folder: Path) -> Path:
    """Five samples of FP16, the last of which fills no batch."""
    path = folder / "data.npz"
    np.savez(path, x=np.arange(15, dtype=np.float16).reshape(5, 3))
    return path


COPIED: list[Any] = []


def copy(array: Any, name: str, buffers: Any, stream: Any = None) -> int:
    """In place of Polygraphy's copy to the GPU; the address of each is its number."""
    COPIED.append([name, array.dtype.name, array.tolist()])
    return len(COPIED)


def told(made: Callable[[list[Any]], Any]) -> Any:
    """What ``made`` heard, or the base class that this version lacks."""
    heard: list[Any] = []
    try:
        real = made(heard)
    except AttributeError as error:
        return {"error": str(error)}
    return {"is_real": real, "heard": heard}


def listen(heard: list[Any]) -> bool:
    listener = debug_listener(tensorrt, lambda address, size, on_host, stream: bytes(size))
    for kind in (tensorrt.DataType.HALF, tensorrt.DataType.BF16):
        listener.process_debug_tensor(8, tensorrt.TensorLocation.DEVICE, kind, tensorrt.Dims([2, 3]), kind.name, 0)
    heard += ([name, array.dtype.name, list(array.shape)] for name, array in listener.take().items())
    return isinstance(listener, tensorrt.IDebugListener)


def monitor(heard: list[Any]) -> bool:
    watched = make_monitor(tensorrt, lambda done, total, text: heard.append([done, total, text]))
    watched.phase_start("build", None, 2)
    watched.step_complete("build", 0)
    watched.phase_finish("build")
    return isinstance(watched, tensorrt.IProgressMonitor)


def log(heard: list[Any]) -> bool:
    logger = get_trt_logger()
    logger.log(tensorrt.ILogger.WARNING, "slow")
    return isinstance(logger, tensorrt.ILogger)


if __name__ == "__main__":
    from polygraphy.backend.trt import util

    util._get_array_on_gpu = copy
    sys.exit(main())

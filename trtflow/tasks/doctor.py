"""First help: what is installed, and what each runner can do here. What may crash is asked in other processes."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping

from trtflow.asking import ask
from trtflow.driver import ask_driver, driver_version, jetson
from trtflow.facts import facts
from trtflow.files.machine import Can, GpuFacts, MachineFacts, RunnerFacts, TensorRtFacts
from trtflow.runners.backend import Backend
from trtflow.runners.importing import imported
from trtflow.runners.polygraphy_script import LOADER, NAME
from trtflow.runners.registry import BACKENDS
from trtflow.runners.remedies import WEAK, gpu_hint, remedy
from trtflow.trt.capabilities import Capabilities

PACKAGES = ("trtflow", "numpy", "onnx", "onnx-graphsurgeon", "polygraphy", "onnxruntime", "onnxruntime-gpu", "torch")
TENSORRT = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
LIBRARIES = ("cuda-runtime", "cublas", "cudnn")
PROBE = (sys.executable, "-m", "trtflow.runners.probe_child")
TIMEOUT = 300.0  # seconds; TensorRT may time its kernels for a while


def doctor() -> MachineFacts:
    """Examine this machine. A runner that lacks nothing is tried: it must execute one FP16 sum.

    Example:
        >>> doctor().runners["emulated"].can
        'run'
    """
    found = ask_driver()
    return MachineFacts(
        python=f"{platform.python_version()} ({sys.executable})",
        system=f"{platform.system()} {platform.machine()}",
        jetson=jetson(),
        versions={name: facts((name,))[name] for name in (*PACKAGES, *TENSORRT, *LIBRARIES)},
        driver=driver_version() if found.devices else "",
        cuda=found.cuda,
        gpus=tuple(GpuFacts(name=one.name, capability=one.capability, memory=one.memory) for one in found.devices),
        no_gpu=gpu_hint().removeprefix("No GPU: "),
        runners={name: _runner(backend) for name, backend in BACKENDS.items()},
        tensorrt=_tensorrt(),
    )


def _runner(backend: Backend) -> RunnerFacts:
    if backend.name == NAME:
        return RunnerFacts(can="run", note=f"whatever your own {LOADER}(model_path) returns: `script: file.py`")
    why = backend.why_not_run()
    if not backend.is_engine:
        return RunnerFacts(can="run", note=why)
    if why:
        there = remedy(backend.name)
        return RunnerFacts(can=_without_running(backend), why=why, install=there.command, note=there.note)
    failed = ask([*PROBE, backend.name], TIMEOUT).failed
    if failed:
        return RunnerFacts(can=_without_running(backend), why=f"one FP16 sum on it {failed}")
    able = imported(TENSORRT[backend.name]).capabilities if backend.name in TENSORRT else None
    strong_only = backend.name == "tensorrt" and able is not None and not able.weak
    return RunnerFacts(can="run", note="it computed one FP16 sum" + (f". {WEAK}" if strong_only else ""))


def _without_running(backend: Backend) -> Can:
    return "build" if backend.builds and not backend.why_not() else "nothing"


def _tensorrt() -> Mapping[str, TensorRtFacts]:
    offered = {name: imported(module).capabilities for name, module in TENSORRT.items()}
    return {name: _offered(able) for name, able in offered.items() if able is not None}


def _offered(able: Capabilities) -> TensorRtFacts:
    return TensorRtFacts(
        version=able.version,
        strong_typing=able.strong,
        weak_typing=able.weak,
        calibrators=able.calibrators,
        dynamic_ranges=able.dynamic_ranges,
        debug_tensors=able.debug,
        unfused_debug_tensors=able.unfused_debug,
        progress_monitor=able.progress,
        strict_nans=able.strict_nans,
    )

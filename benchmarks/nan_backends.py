"""What nan_table runs its probes on, as far as this machine has it."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from nan_probe import Array, Probe, model_of

Run = Callable[[Array], Array]
Backend = Callable[[Probe], Run]


def session(model: onnx.ModelProto, provider: str, plain: bool = False) -> Any:
    """An ONNX Runtime session; nodes without a kernel of ``provider`` are an error."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if plain:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if provider == "CPU":
        return onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    settings = [("CUDAExecutionProvider", {"use_tf32": "0"})]
    return onnxruntime.InferenceSession(model.SerializeToString(), options, settings)


def onnx_runtime(provider: str, dtype: str) -> Backend:
    def prepare(probe: Probe) -> Run:
        made = session(model_of(probe, dtype), provider)
        return lambda x: made.run(["y"], {"x": x.astype(dtype)})[0]

    return prepare


def emulator(probe: Probe) -> Run:
    from trtflow.emulation.emulate import instrument
    from trtflow.plan import PrecisionPlan

    made = session(instrument(model_of(probe, "float32"), PrecisionPlan("fp16")), "CPU")
    return lambda x: made.run(["y"], {"x": x})[0]


def pytorch(dtype: str) -> Backend:
    torch = importlib.import_module("torch")

    def prepare(probe: Probe) -> Run:
        if probe.torch is None:
            raise NotImplementedError
        compute, kind = probe.torch, getattr(torch, dtype)
        return lambda x: compute(torch, torch.from_numpy(x).to("cuda", kind)).cpu().numpy()

    return prepare


def backends(cuda: bool) -> dict[str, Backend]:
    """Those of this machine."""
    if not cuda:
        return {"cpu fp32": onnx_runtime("CPU", "float32"), "emulator fp16": emulator}
    found: dict[str, Backend] = {}
    for kind in ("float32", "float16"):
        if "CUDAExecutionProvider" in providers():
            found[f"cuda {kind}"] = onnx_runtime("CUDA", kind)
        if has_torch():
            found[f"torch {kind}"] = pytorch(kind)
    return found


def providers() -> list[str]:
    try:
        return list(importlib.import_module("onnxruntime").get_available_providers())
    except ImportError:
        return []


def has_torch() -> bool:
    try:
        return bool(importlib.import_module("torch").cuda.is_available())
    except ImportError:
        return False


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "numpy": np.__version__, "onnx": onnx.__version__}
    if providers():
        found["onnxruntime"] = importlib.import_module("onnxruntime").__version__
    if has_torch():
        torch = importlib.import_module("torch")
        found |= {"torch": str(torch.__version__), "gpu": torch.cuda.get_device_name(0)}
    return found

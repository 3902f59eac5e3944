"""The script that asks CUDA's driver by ctypes and prints what it tells as JSON; it imports nothing of trtflow."""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable
from typing import Any

LIBRARY = "libcuda.so.1"
STUB, NO_DEVICE = 34, 100  # of CUresult
MAJOR, MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
REASONS = {
    NO_DEVICE: "the driver shows none to this process (is CUDA_VISIBLE_DEVICES empty?)",
    STUB: f"{LIBRARY} is the stub of a CUDA toolkit, not a driver",
}


def read_driver(load: Callable[[str], Any] = ctypes.CDLL) -> dict[str, Any]:
    """``cuda``: the version that the driver goes up to; ``devices``; ``none``: why there are none."""
    try:
        cuda = load(LIBRARY)
    except OSError:
        return {"cuda": "", "devices": [], "none": f"no NVIDIA driver ({LIBRARY} is not found)"}
    version, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    status = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count))
    if not status and not count.value:
        status = NO_DEVICE
    return {
        "cuda": f"{version.value // 1000}.{version.value % 1000 // 10}",
        "devices": [_device(cuda, index) for index in range(count.value)],
        "none": REASONS.get(status, f"the driver does not start (CUDA error {status})") if status else "",
    }


def _device(cuda: Any, index: int) -> dict[str, Any]:
    handle, major, minor, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    name = ctypes.create_string_buffer(256)
    cuda.cuDeviceGet(ctypes.byref(handle), index)
    cuda.cuDeviceGetName(name, len(name), handle)
    cuda.cuDeviceGetAttribute(ctypes.byref(major), MAJOR, handle)
    cuda.cuDeviceGetAttribute(ctypes.byref(minor), MINOR, handle)
    cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), handle)
    capability = f"{major.value}.{minor.value}"
    return {"name": name.value.decode(errors="replace"), "capability": capability, "memory": memory.value}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(read_driver()))

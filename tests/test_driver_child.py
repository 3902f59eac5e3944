"""CUDA's driver as a double: what it is asked, and what is made of its answers."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trtflow import driver_child
from trtflow.driver_child import MAJOR, read_driver


class Cuda:
    """A driver that has ``devices`` (name, compute capability, bytes), or answers cuInit with ``status``."""

    def __init__(self, *devices: tuple[str, tuple[int, int], int], status: int = 0) -> None:
        self.devices, self.status = devices, status
        self.asked: set[str] = set()

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("cu"):
            self.asked.add(name)
        return object.__getattribute__(self, name)

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return self.status

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        version._obj.value = 12080
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = len(self.devices)
        return 0

    def cuDeviceGet(self, handle: Any, index: int) -> int:  # noqa: N802
        handle._obj.value = index
        return 0

    def cuDeviceGetName(self, name: Any, size: int, handle: ctypes.c_int) -> int:  # noqa: N802
        name.value = self.devices[handle.value][0].encode()[: size - 1]
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, handle: ctypes.c_int) -> int:  # noqa: N802
        value._obj.value = self.devices[handle.value][1][attribute - MAJOR]
        return 0

    def cuDeviceTotalMem_v2(self, memory: Any, handle: ctypes.c_int) -> int:  # noqa: N802
        memory._obj.value = self.devices[handle.value][2]
        return 0


def test_every_device_is_told_and_no_context_is_made() -> None:
    cuda = Cuda(("NVIDIA H100 80GB HBM3", (9, 0), 85_017_493_504), ("Orin", (8, 7), 7_990_000_000))
    assert read_driver(lambda name: cuda) == {
        "cuda": "12.8",
        "devices": [
            {"name": "NVIDIA H100 80GB HBM3", "capability": "9.0", "memory": 85_017_493_504},
            {"name": "Orin", "capability": "8.7", "memory": 7_990_000_000},
        ],
        "none": "",
    }
    assert not any("Ctx" in name for name in cuda.asked)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (100, "shows none to this process (is CUDA_VISIBLE_DEVICES empty?)"),
        (0, "shows none to this process (is CUDA_VISIBLE_DEVICES empty?)"),
        (34, "libcuda.so.1 is the stub of a CUDA toolkit, not a driver"),
        (999, "the driver does not start (CUDA error 999)"),
    ],
)
def test_a_driver_that_shows_no_device_says_why(status: int, said: str) -> None:
    found = read_driver(lambda name: Cuda(status=status))
    assert (found["cuda"], found["devices"]) == ("12.8", [])
    assert said in found["none"]


def test_without_the_library_there_is_no_driver() -> None:
    def load(name: str) -> Any:
        raise OSError(f"{name}: cannot open shared object file")

    assert read_driver(load)["none"] == "no NVIDIA driver (libcuda.so.1 is not found)"


def test_the_script_runs_alone_and_prints_json(tmp_path: Path) -> None:
    script = tmp_path / "alone.py"
    script.write_text(Path(driver_child.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(done.stdout).keys() == {"cuda", "devices", "none"}

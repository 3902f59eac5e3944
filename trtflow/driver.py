"""The GPUs as CUDA's driver tells them, asked in a process of its own: a broken driver ends that one only.

A Jetson has no nvidia-smi, so the driver's library is asked, by ctypes. It honours ``CUDA_VISIBLE_DEVICES`` by
itself, and no context is made. Only where the loader does not find the library is the tool asked.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from trtflow.asking import ask

CHILD = (sys.executable, "-I", str(Path(__file__).with_name("driver_child.py")))
TIMEOUT = 60.0  # seconds; a driver that wakes many GPUs takes some
KERNEL = Path("/proc/driver/nvidia/version")
TEGRA = Path("/etc/nv_tegra_release")


@dataclass(frozen=True)
class Device:
    """One GPU: its name, its compute capability ("9.0") and its memory in bytes."""

    name: str
    capability: str
    memory: int


@dataclass(frozen=True)
class Driver:
    """What the driver tells: the CUDA version that it goes up to ("13.0") and its GPUs; ``none`` says why none."""

    cuda: str = ""
    devices: tuple[Device, ...] = ()
    none: str = ""


@functools.cache
def ask_driver() -> Driver:
    """What CUDA's driver tells of this machine's GPUs, in CUDA's order; asked once a process."""
    answer = ask(CHILD, TIMEOUT)
    if answer.failed:
        return Driver(none=f"asking the driver {answer.failed}")
    told = json.loads(answer.said)
    if not told["cuda"]:
        return Driver(devices=_devices_of_tool(), none=told["none"])
    return Driver(told["cuda"], tuple(Device(**device) for device in told["devices"]), told["none"])


def driver_version() -> str:
    """The driver's own version as its kernel module says it, else nvidia-smi; else the CUDA version that it has."""
    told = KERNEL.read_text(encoding="utf-8", errors="replace") if KERNEL.is_file() else ""
    numbers = re.search(r"Kernel Module(?:\s+for \S+)?\s+(\d[\d.]*)", told)
    return numbers[1] if numbers else _from_tool() or f"CUDA {ask_driver().cuda}"


def jetson() -> str:
    """The release of Jetson Linux, as "36.4.0"; empty on another machine."""
    told = TEGRA.read_text(encoding="utf-8", errors="replace") if TEGRA.is_file() else ""
    found = re.search(r"R(\d+)\b.*?REVISION:\s*([\d.]+)", told)
    return f"{found[1]}.{found[2]}" if found else ("unknown" if told else "")


def _from_tool() -> str:
    """Under WSL the kernel has no such module."""
    found = re.match(r"\d[\d.]*\s", _tool("driver_version"))
    return found[0].strip() if found else ""


def _devices_of_tool() -> tuple[Device, ...]:
    lines = (line.split(", ") for line in _tool("name,compute_cap,memory.total").splitlines())
    return tuple(Device(name, capability, int(size) << 20) for name, capability, size in lines)


def _tool(query: str) -> str:
    """What nvidia-smi answers, a line a GPU; empty where it is not there, or does not work."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    answer = ask([tool, f"--query-gpu={query}", "--format=csv,noheader,nounits"], TIMEOUT)
    return "" if answer.failed else answer.said

"""Facts about the machine that results may depend on, told without loading anything heavy."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trtflow.versions import installed

LIBRARIES = {"cuda-runtime": "cudart", "cublas": "cublas", "cudnn": "cudnn"}  # of NVIDIA: wheel → name of the file
FOLDERS = ("/usr/local/cuda/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64")


@dataclass(frozen=True)
class Gpu:
    """The GPU that CUDA takes first: its name, its compute capability ("9.0") and its driver's version."""

    name: str
    capability: str
    driver: str


@functools.cache
def fact(name: str) -> str | None:
    """``gpu``: name and compute capability; ``driver``: its version; any other name: the version of that package.

    ``cuda-runtime``, ``cublas`` and ``cudnn`` are NVIDIA's libraries. None where it is not there.
    """
    if name in ("gpu", "driver"):
        found = gpu()
        told = {"gpu": f"{found.name}, {found.capability}", "driver": found.driver} if found else {}
        return told.get(name)
    return _library(name, LIBRARIES[name]) if name in LIBRARIES else installed(name)


def facts(names: Iterable[str]) -> dict[str, str | None]:
    """The facts called ``names``, sorted."""
    return {name: fact(name) for name in sorted(set(names))}


@functools.cache
def gpu() -> Gpu | None:
    """The first of the GPUs that this process may see, as the driver's own tool tells it; None without one."""
    tool, index = shutil.which("nvidia-smi"), _first_visible()
    if tool is None or index is None:
        return None
    command = [tool, "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader", f"--id={index}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 (a fixed command)
    except (OSError, subprocess.TimeoutExpired):
        return None
    fields = [field.strip() for field in answer.stdout.strip().split(",")]
    return Gpu(*fields) if answer.returncode == 0 and len(fields) == 3 else None


def _first_visible() -> str | None:
    """The index or UUID of the GPU that CUDA calls the first; None where all are hidden from this process."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if first.startswith("MIG-"):
        return "0"  # the tool tells whole GPUs only
    return first if first.isdigit() or first.startswith("GPU-") else None


def _library(wheel: str, file: str) -> str | None:
    """The version of the wheel that brings a library, else what the file says that the loader would find."""
    wheels = (installed(f"nvidia-{wheel}{suffix}") for suffix in ("", "-cu13", "-cu12", "-cu11"))
    return next((version for version in wheels if version), None) or _in_file_name(file)


def _in_file_name(file: str) -> str | None:
    folders = [*os.environ.get("LD_LIBRARY_PATH", "").split(":"), *FOLDERS]
    found = (path for folder in folders if folder for path in Path(folder).glob(f"lib{file}.so.*"))
    versions = [path.name.partition(".so.")[2] for path in found]
    return max(versions, key=len, default=None)

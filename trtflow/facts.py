"""Facts about the machine that results may depend on, told without loading anything heavy."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trtflow.driver import ask_driver, driver_version
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
    """The first of the GPUs that this process may see, as CUDA's driver tells it; None without one."""
    devices = ask_driver().devices
    return Gpu(devices[0].name, devices[0].capability, driver_version()) if devices else None


def _library(wheel: str, file: str) -> str | None:
    """The version of the wheel that brings a library, else what the file says that the loader would find."""
    wheels = (installed(f"nvidia-{wheel}{suffix}") for suffix in ("", "-cu13", "-cu12", "-cu11"))
    return next((version for version in wheels if version), None) or _in_file_name(file)


def _in_file_name(file: str) -> str | None:
    folders = [*os.environ.get("LD_LIBRARY_PATH", "").split(":"), *FOLDERS]
    found = (path for folder in folders if folder for path in Path(folder).glob(f"lib{file}.so.*"))
    versions = [path.name.partition(".so.")[2] for path in found]
    return max(versions, key=len, default=None)

"""A TensorRT of any version, and a GPU, for a test and the processes that it starts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any

import pytest
from trt_double.behaviour import BEHAVIOUR_ENV, VERSION_ENV
from trt_double.touched import ENV as TOUCHED_ENV

FOLDER = Path(__file__).parents[1] / "doubles"
GPU = "NVIDIA Double, 8.9, 580.00"
_ROOMS = ("algorithm_selector", "calibrator", "config", "file_reader", "loader", "runner", "util")
_HOLDERS = ("polygraphy.util.util", "polygraphy.datatype.tensorrt", *(f"polygraphy.backend.trt.{r}" for r in _ROOMS))
"""The modules of Polygraphy that hold TensorRT, in an object that loads it once."""


@dataclass(frozen=True)
class Double:
    """What is installed: ``trt`` is the module, ``touches`` a file with what was touched that the version lacks."""

    trt: Any
    touches: Path

    @property
    def touched(self) -> list[str]:
        """What was touched that the version lacks, or ignores."""
        lines = self.touches.read_text(encoding="utf-8").splitlines() if self.touches.exists() else []
        return [line.partition(" at ")[0] for line in lines]

    def forgive(self) -> None:
        """Let the test pass although something was touched."""
        self.touches.unlink(missing_ok=True)


Install = Callable[..., Double]


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Install]:
    """``double("10.16.1", refuse="no")`` installs a version that behaves so (``trt_double.behaviour``), and a GPU.

    At the end the test fails if the code under test touched a member that the version lacks.
    """
    made: list[Double] = []
    _leave_polygraphy_undecided()

    def install(version: str = "10.16.1", **behaviour: Any) -> Double:
        touches = tmp_path / "touched.txt"
        monkeypatch.setenv(VERSION_ENV, version)
        monkeypatch.setenv(BEHAVIOUR_ENV, json.dumps(behaviour))
        monkeypatch.setenv(TOUCHED_ENV, str(touches))
        _install_gpu(monkeypatch, tmp_path / "bin")
        site = _distribution(tmp_path / f"site-{version}", version)
        _put_on_path(monkeypatch, FOLDER, site)
        made.append(Double(_in_process(monkeypatch), touches))
        return made[-1]

    yield install
    _forget_facts()
    if made:
        assert made[-1].touched == []


def _install_gpu(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """An ``nvidia-smi`` that tells of a GPU."""
    folder.mkdir(exist_ok=True)
    tool = folder / "nvidia-smi"
    name, capability, driver = GPU.split(", ")
    asked = f'case "$1" in *driver*) echo {driver} ;; *) echo "{name}, {capability}, 24000" ;; esac'
    tool.write_text(f"#!/bin/sh\n{asked}\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    _forget_facts()


def _forget_facts() -> None:
    from trtflow import driver, facts, versions
    from trtflow.runners import importing

    for told in (driver.ask_driver, facts.gpu, facts.fact, importing._asked, versions.installed):
        told.cache_clear()


def _distribution(folder: Path, version: str) -> Path:
    """What makes the double's version known to ``importlib.metadata``."""
    info = folder / f"tensorrt-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tensorrt\nVersion: {version}\n", encoding="utf-8")
    return folder


def _put_on_path(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    names = [str(folder) for folder in folders]
    inherited = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*names, *inherited]))
    monkeypatch.setattr(sys, "path", [*names, *sys.path])
    invalidate_caches()


def _in_process(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, which Polygraphy uses in this process until the test ends."""
    from polygraphy import config
    from polygraphy.cuda import cuda
    from polygraphy.mod.trt_importer import lazy_import_trt

    monkeypatch.setattr(cuda, "G_CUDA", None)
    monkeypatch.setattr(config, "USE_TENSORRT_RTX", False)
    for name in [name for name in sys.modules if name == "tensorrt" or name.startswith("tensorrt.")]:
        monkeypatch.delitem(sys.modules, name)
    module = import_module("tensorrt")
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    for name in _HOLDERS:
        monkeypatch.setattr(import_module(name), "trt", lazy_import_trt())
    monkeypatch.setattr("polygraphy.backend.trt.util.TRT_LOGGER", None)
    return module


def _leave_polygraphy_undecided() -> None:
    if "polygraphy.backend.trt" not in sys.modules:
        for name in _HOLDERS:
            vars(import_module(name))["trt"] = _Undecided()


class _Undecided:
    """TensorRT or TensorRT-RTX, as Polygraphy is configured when it is used.

    Polygraphy decides when its modules are imported: they would be the double's for the rest of the process.
    """

    def __getattr__(self, name: str) -> Any:
        from polygraphy.mod.trt_importer import lazy_import_trt

        return getattr(lazy_import_trt(), name)

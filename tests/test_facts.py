from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from trtflow import facts as told
from trtflow.driver import Device, Driver
from trtflow.facts import Gpu, fact, facts, gpu


@pytest.fixture(autouse=True)
def _forgetting() -> Iterator[None]:
    """Facts are told once a process; each test asks anew."""
    fact.cache_clear()
    gpu.cache_clear()
    yield
    fact.cache_clear()
    gpu.cache_clear()


def test_a_package_is_told_by_its_version() -> None:
    assert (fact("pyyaml"), fact("no-such-package")) == (version("pyyaml"), None)


def test_facts_are_sorted_and_told_once() -> None:
    assert list(facts(["pyyaml", "onnx", "pyyaml"]).items()) == [
        ("onnx", version("onnx")),
        ("pyyaml", version("pyyaml")),
    ]


def _devices(monkeypatch: pytest.MonkeyPatch, *devices: Device) -> None:
    monkeypatch.setattr(told, "ask_driver", lambda: Driver("13.0", devices))
    monkeypatch.setattr(told, "driver_version", lambda: "580.65.06")


def test_the_first_gpu_is_told_by_name_and_capability_and_its_driver_by_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _devices(monkeypatch, Device("NVIDIA H100 80GB HBM3", "9.0", 1), Device("NVIDIA A10", "8.6", 1))
    assert (fact("gpu"), fact("driver")) == ("NVIDIA H100 80GB HBM3, 9.0", "580.65.06")
    assert gpu() == Gpu("NVIDIA H100 80GB HBM3", "9.0", "580.65.06")


def test_without_a_gpu_its_driver_is_not_told_either(monkeypatch: pytest.MonkeyPatch) -> None:
    _devices(monkeypatch)
    assert (gpu(), fact("gpu"), fact("driver")) == (None, None, None)


def test_a_library_is_told_by_its_wheel_before_the_file_that_the_loader_would_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("libcudnn.so.9", "libcudnn.so.9.10.2", "libcublas.so.12"):
        (tmp_path / name).touch()
    monkeypatch.setattr(told, "FOLDERS", ())
    monkeypatch.setenv("LD_LIBRARY_PATH", f":{tmp_path}")
    monkeypatch.setattr(told, "installed", {"nvidia-cublas-cu12": "12.9.1"}.get)
    assert [fact(name) for name in ("cudnn", "cublas", "cuda-runtime")] == ["9.10.2", "12.9.1", None]

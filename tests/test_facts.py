from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from trtflow import facts as told
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


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'NVIDIA H100 80GB HBM3, 9.0, 580.65.06'", ("NVIDIA H100 80GB HBM3, 9.0", "580.65.06")),
        ("echo 'NVIDIA A10, 8.6, 550.54'; exit 9", (None, None)),
        ("echo 'NVIDIA-SMI has failed'", (None, None)),
        ("exit 0", (None, None)),
    ],
)
def test_a_gpu_is_told_by_name_and_capability_and_its_driver_by_version(
    script: str, expected: tuple[str | None, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tool(tmp_path, monkeypatch, script)
    assert (fact("gpu"), fact("driver")) == expected


def _tool(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("visible", "asked"),
    [
        (None, "--id=0"),
        ("2,0", "--id=2"),
        (" 1 ", "--id=1"),
        ("GPU-7f3a,GPU-11", "--id=GPU-7f3a"),
        ("MIG-1c2d", "--id=0"),
        ("", None),
        ("-1", None),
    ],
)
def test_the_gpu_is_the_first_that_the_process_may_see(
    visible: str | None, asked: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tool(tmp_path, monkeypatch, 'echo "$3, 9.0, 580"')
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu() == (asked and Gpu(asked, "9.0", "580"))


def test_a_library_is_told_by_its_wheel_before_the_file_that_the_loader_would_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("libcudnn.so.9", "libcudnn.so.9.10.2", "libcublas.so.12"):
        (tmp_path / name).touch()
    monkeypatch.setattr(told, "FOLDERS", ())
    monkeypatch.setenv("LD_LIBRARY_PATH", f":{tmp_path}")
    monkeypatch.setattr(told, "installed", {"nvidia-cublas-cu12": "12.9.1"}.get)
    assert [fact(name) for name in ("cudnn", "cublas", "cuda-runtime")] == ["9.10.2", "12.9.1", None]


def test_without_a_driver_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fact("gpu") is None


def test_a_tool_that_cannot_be_started_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_bytes(b"\x7fELF broken")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fact("gpu") is None

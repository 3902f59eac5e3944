from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from trtflow.engine.facts import fact, facts


@pytest.fixture(autouse=True)
def _forgetting() -> Iterator[None]:
    """Facts are told once a process; each test asks anew."""
    fact.cache_clear()
    yield
    fact.cache_clear()


def test_a_package_is_told_by_its_version() -> None:
    assert (fact("pyyaml"), fact("no-such-package")) == (version("pyyaml"), None)


def test_facts_are_sorted_and_told_once() -> None:
    assert list(facts(["pyyaml", "onnx", "pyyaml"]).items()) == [
        ("onnx", version("onnx")),
        ("pyyaml", version("pyyaml")),
    ]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'NVIDIA H100 80GB HBM3, 9.0'", "NVIDIA H100 80GB HBM3, 9.0"),
        ("echo 'NVIDIA A10, 8.6'; exit 9", None),
        ("exit 0", None),
    ],
)
def test_a_gpu_is_told_by_name_and_capability(
    script: str, told: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fact("gpu") == told


def test_without_a_driver_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fact("gpu") is None


def test_a_tool_that_cannot_be_started_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_bytes(b"\x7fELF broken")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fact("gpu") is None

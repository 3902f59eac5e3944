"""The driver is asked in another process, whose end is an answer too."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trtflow import driver
from trtflow.driver import Device, Driver, ask_driver, driver_version, jetson

H100 = {"name": "NVIDIA H100", "capability": "9.0", "memory": 1}


@pytest.fixture(autouse=True)
def _forgetting() -> Iterator[None]:
    ask_driver.cache_clear()
    yield
    ask_driver.cache_clear()


def _child(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(driver, "CHILD", (sys.executable, "-c", script))


def test_what_the_child_prints_is_told_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"cuda": "13.0", "devices": [H100], "none": ""}
    _child(monkeypatch, f"print({json.dumps(told)!r})")
    found = ask_driver()
    assert found == Driver("13.0", (Device("NVIDIA H100", "9.0", 1),))
    assert ask_driver() is found


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import os; os.kill(os.getpid(), 11)", "asking the driver crashes (SIGSEGV)"),
        ("raise SystemExit('no symbol cuInit')", "asking the driver fails (no symbol cuInit)"),
        ("import time; time.sleep(60)", "asking the driver does not end within 0.5 s"),
    ],
)
def test_a_broken_driver_ends_the_child_only(monkeypatch: pytest.MonkeyPatch, script: str, said: str) -> None:
    _child(monkeypatch, script)
    monkeypatch.setattr(driver, "TIMEOUT", 0.5 if "sleep" in script else 30)
    assert ask_driver() == Driver(none=said)


KERNEL = "NVRM version: NVIDIA UNIX {}  580.159.04  Release Build  (x@y)\nGCC version:  gcc version 15.3.0\n"


@pytest.mark.parametrize(
    ("kernel", "tool", "expected"),
    [
        (KERNEL.format("Open Kernel Module for x86_64"), "echo 550.54", "580.159.04"),
        (KERNEL.format("x86_64 Kernel Module"), None, "580.159.04"),
        (None, "echo 550.54; echo 550.54", "550.54"),
        (None, "echo 'NVIDIA-SMI has failed'", "CUDA 12.6"),
        (None, "echo 550.54; exit 9", "CUDA 12.6"),
        (None, None, "CUDA 12.6"),
    ],
)
def test_the_version_is_the_kernel_modules_else_the_tools_else_cudas(
    kernel: str | None, tool: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "KERNEL", tmp_path / "version")
    monkeypatch.setattr(driver, "ask_driver", lambda: Driver("12.6"))
    monkeypatch.setenv("PATH", str(tmp_path))
    if kernel is not None:
        (tmp_path / "version").write_text(kernel, encoding="utf-8")
    if tool is not None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{tool}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    assert driver_version() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64\n", "36.4.3"),
        ("something else\n", "unknown"),
        (None, ""),
    ],
)
def test_a_jetson_is_told_by_its_release(
    text: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "TEGRA", tmp_path / "nv_tegra_release")
    if text is not None:
        (tmp_path / "nv_tegra_release").write_text(text, encoding="utf-8")
    assert jetson() == expected

"""The command that installs what is missing is that of this Python, this machine and this driver."""

from __future__ import annotations

import importlib.util
import shlex
import sys

import pytest

from trtflow.driver import Device, Driver
from trtflow.runners import remedies
from trtflow.runners.importing import Imported
from trtflow.runners.remedies import Host, Remedy, cannot_run, gpu_hint, pip, remedy, why_not_imported

X86 = Host("Linux", "x86_64", "", 0)
NOTHING = Remedy()


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python with pip, an ONNX Runtime for CPUs, and nothing else."""
    monkeypatch.setattr(sys, "executable", "/py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    _libraries(monkeypatch, onnxruntime=Imported("1.32.0", providers=("CPUExecutionProvider",)))


def _libraries(monkeypatch: pytest.MonkeyPatch, **there: Imported) -> None:
    monkeypatch.setattr(remedies, "imported", lambda module: there.get(module, Imported(absent=True)))


def _driver(monkeypatch: pytest.MonkeyPatch, driver: Driver) -> None:
    monkeypatch.setattr(remedies, "ask_driver", lambda: driver)


@pytest.mark.parametrize(
    ("runner", "host", "command"),
    [
        ("tensorrt", X86, "/py -m pip install tensorrt --extra-index-url https://pypi.nvidia.com"),
        (
            "tensorrt",
            Host("Linux", "x86_64", "", 12),
            "/py -m pip install tensorrt-cu12 --extra-index-url https://pypi.nvidia.com",
        ),
        (
            "tensorrt",
            Host("Linux", "aarch64", "", 13),
            "/py -m pip install tensorrt-cu13 --extra-index-url https://pypi.nvidia.com",
        ),
        ("tensorrt", Host("Linux", "aarch64", "36.4.3", 12), "sudo apt-get install python3-libnvinfer"),
        ("tensorrt-rtx", X86, "/py -m pip install tensorrt-rtx"),
        ("tensorrt-rtx", Host("Linux", "aarch64", "", 13), ""),
        (
            "cuda",
            X86,
            "/py -m pip uninstall -y onnxruntime && /py -m pip install 'onnxruntime-gpu[cuda,cudnn]'",
        ),
        ("cuda", Host("Linux", "aarch64", "36.4.3", 12), ""),
        ("torch", X86, "/py -m pip install torch"),
        ("torch", Host("Linux", "aarch64", "36.4.3", 12), ""),
        ("torch", Host("Windows", "AMD64", "", 12), ""),
    ],
)
def test_what_is_missing_has_its_command(runner: str, host: Host, command: str) -> None:
    found = remedy(runner, host)
    assert found.command == command
    assert found.note or runner == "cuda"


@pytest.mark.parametrize(
    "runner", ["onnxruntime", "emulated", "polygraphy-script", "tensorrt-rtx", "cuda", "torch", "tensorrt"]
)
def test_what_is_there_needs_nothing(runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ort = Imported("1.32.0", providers=("CUDAExecutionProvider",))
    there = {"tensorrt": Imported("11.4.0"), "tensorrt_rtx": Imported("1.7"), "torch": Imported("2.11")}
    _libraries(monkeypatch, onnxruntime=ort, **there)
    assert remedy(runner, X86) == NOTHING


def test_a_wheel_without_its_library_is_installed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    _libraries(monkeypatch, tensorrt=Imported(failed="fails (libnvinfer.so.10: cannot open)"))
    assert why_not_imported("tensorrt") == (
        "importing tensorrt, which is installed, fails (libnvinfer.so.10: cannot open)"
    )
    found = remedy("tensorrt", X86)
    assert found.command == (
        "/py -m pip install --force-reinstall --no-cache-dir tensorrt --extra-index-url https://pypi.nvidia.com"
    )
    assert "import fails without the library" in found.note
    assert "`typing: weak` needs 'tensorrt<11'" in found.note


def test_on_a_jetson_the_environment_must_see_the_systems_packages() -> None:
    assert "--system-site-packages" in remedy("tensorrt", Host("Linux", "aarch64", "36.4.3", 12)).note


def test_a_python_without_pip_is_served_by_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert pip("install", "a[b]") == "uv pip install --python /py 'a[b]'"
    assert pip("uninstall", "-y", "a") == "uv pip uninstall --python /py a"


def test_commands_are_quoted_for_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/my programs/py")
    assert shlex.split(pip("install", "x<11")) == ["/my programs/py", "-m", "pip", "install", "x<11"]


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        (Driver("13.0", (Device("H100", "9.0", 1),)), ""),
        (Driver("13.0", none="all are hidden"), "No GPU: all are hidden."),
        (
            Driver(none="no driver"),
            "No GPU: no driver; use a machine that has one, or start the container with `docker run --gpus all`.",
        ),
    ],
)
def test_without_a_gpu_it_says_why_and_what_to_do(driver: Driver, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _driver(monkeypatch, driver)
    assert gpu_hint() == said


def test_an_error_says_the_reason_the_command_and_the_way_without(monkeypatch: pytest.MonkeyPatch) -> None:
    _driver(monkeypatch, Driver(none="no driver"))
    lines = cannot_run("tensorrt", "tensorrt is not installed, and there is no GPU").splitlines()
    assert lines[0] == "'tensorrt' cannot run here: tensorrt is not installed, and there is no GPU."
    assert lines[1] == "To install it:"
    assert lines[2].startswith("  /py -m pip install tensorrt ")
    assert lines[-2].startswith("No GPU: no driver; ")
    assert lines[-1] == "`runner: emulated` needs no engine."


def test_an_error_where_nothing_can_be_installed_is_short() -> None:
    assert cannot_run("own", "it needs a key") == (
        "'own' cannot run here: it needs a key.\n`runner: emulated` needs no engine."
    )

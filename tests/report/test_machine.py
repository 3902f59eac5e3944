"""What the doctor found is read in a window of 100 columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from trtflow.files.machine import GpuFacts, MachineFacts, RunnerFacts, TensorRtFacts
from trtflow.report.machine import show_machine

COMMAND = f"/a/long/path/to/python -m pip install tensorrt --extra-index-url {'https://pypi.nvidia.com/' * 3}"
RTX = TensorRtFacts(
    version="1.7.1",
    strong_typing=True,
    weak_typing=False,
    calibrators=False,
    dynamic_ranges=False,
    debug_tensors=True,
    unfused_debug_tensors=True,
    progress_monitor=True,
    strict_nans=True,
)
MACHINE = MachineFacts(
    python="3.12.3 (/usr/bin/python3)",
    system="Linux aarch64",
    jetson="36.4.3",
    versions={"numpy": "2.4.6", "onnx": "1.23.2", "tensorrt": None},
    driver="540.4.0",
    cuda="12.6",
    gpus=(GpuFacts(name="Orin", capability="8.7", memory=7 * 2**30 + 2**29),),
    runners={
        "emulated": RunnerFacts(can="run"),
        "tensorrt": RunnerFacts(can="nothing", why="it is not installed", install=COMMAND, note="a [note] " * 20),
        "tensorrt-rtx": RunnerFacts(can="build", why="it needs another GPU"),
    },
    tensorrt={"tensorrt-rtx": RTX},
)


def _printed(found: MachineFacts) -> list[str]:
    screen = io.StringIO()
    show_machine(Console(file=screen, width=100), found)
    return screen.getvalue().splitlines()


def _shown(found: MachineFacts) -> list[str]:
    return [" ".join(line.split()) for line in _printed(found)]


@pytest.mark.parametrize(
    "line",
    [
        "Python 3.12.3 (/usr/bin/python3) on Linux aarch64",
        "Jetson Linux 36.4.3",
        "GPU 0: Orin, compute capability 8.7, 7.5 GiB",
        "Driver 540.4.0, for CUDA up to 12.6",
        "numpy 2.4.6 tensorrt –",
        "emulated runs",
        "tensorrt nothing it is not installed",
        "tensorrt-rtx builds only it needs another GPU",
        "For tensorrt:",
        "what it offers tensorrt-rtx 1.7.1",
        "weak typing no",
        "strict nans yes",
    ],
)
def test_it_says(line: str) -> None:
    assert line in _shown(MACHINE)


def test_a_command_stays_on_one_line_to_be_copied() -> None:
    assert COMMAND in _shown(MACHINE)


def test_no_other_line_is_wider_than_the_window() -> None:
    assert [line for line in _printed(MACHINE) if len(line) > 100] == [f"  {COMMAND}"]


def test_brackets_of_a_note_are_text() -> None:
    assert any("a [note] a [note]" in line for line in _shown(MACHINE))


def test_a_runner_that_needs_nothing_has_no_paragraph() -> None:
    assert [line for line in _shown(MACHINE) if line.startswith("For ")] == ["For tensorrt:"]


def test_without_a_gpu_the_reason_is_shown() -> None:
    bare = MACHINE.model_copy(update={"gpus": (), "no_gpu": "no driver", "jetson": "", "tensorrt": {}})
    lines = _shown(bare)
    assert "No GPU: no driver" in lines
    assert not any(line.startswith(("Driver", "Jetson", "what it offers")) for line in lines)

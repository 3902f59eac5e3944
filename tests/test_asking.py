"""What crashes, hangs or raises in another process is an answer in this one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trtflow.asking import Answer, ask

PYTHON = (sys.executable, "-c")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("print('well')", Answer("well\n")),
        ("import os; os.kill(os.getpid(), 11)", Answer(failed="crashes (SIGSEGV)")),
        ("import sys; sys.exit('first\\nlast')", Answer(failed="fails (last)")),
        ("import sys; sys.exit(3)", Answer(failed="fails (status 3)")),
    ],
)
def test_what_becomes_of_a_process_is_told(script: str, expected: Answer) -> None:
    assert ask((*PYTHON, script), 30) == expected


def test_a_process_that_hangs_is_ended() -> None:
    assert ask((*PYTHON, "import time; time.sleep(60)"), 0.5) == Answer(failed="does not end within 0.5 s")


def test_a_tool_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_bytes(b"\x7fELF broken")
    tool.chmod(0o755)
    assert ask((str(tool),), 5).failed.startswith("does not start (")


def test_the_process_finds_the_packages_that_are_found_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside.py").write_text("NAME = 'found'")
    monkeypatch.syspath_prepend(tmp_path)
    assert ask((*PYTHON, "import beside; print(beside.NAME, end='')"), 30) == Answer("found")

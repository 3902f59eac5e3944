"""What a process was busy with is known after it crashed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trtflow import doing as module
from trtflow.doing import doing, keep_in, last_doing


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "_files", [])
    keep_in(tmp_path / "doing")
    return tmp_path / "doing"


def test_what_is_inside_another_is_told_behind_it_and_what_is_over_is_not(kept: Path) -> None:
    with doing("starting a runner that has a long name"):
        with doing("making a session"):
            assert last_doing(kept) == "starting a runner that has a long name, making a session"
        assert last_doing(kept) == "starting a runner that has a long name"
    assert last_doing(kept) == ""


def test_what_raises_is_over(kept: Path) -> None:
    with pytest.raises(ValueError, match="no"), doing("work"):
        raise ValueError("no")
    assert last_doing(kept) == ""


def test_what_never_began_is_nothing(tmp_path: Path) -> None:
    assert last_doing(tmp_path / "none") == ""


def test_a_process_that_keeps_nothing_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_files", [])
    done = []
    with doing("work"):
        done.append("work")
    assert (done, module._files) == (["work"], [])


def test_a_crash_leaves_it(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from trtflow.doing import doing, keep_in\n"
        "keep_in(Path(sys.argv[1]))\n"
        "with doing('work'): os.kill(os.getpid(), 11)"
    )
    child = subprocess.run([sys.executable, "-c", code, str(tmp_path / "doing")], check=False)
    assert (child.returncode, last_doing(tmp_path / "doing")) == (-signal.SIGSEGV, "work")

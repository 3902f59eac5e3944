"""The child that tries a backend ends with what it found."""

from __future__ import annotations

import pytest

from trtflow.runners import probe_child
from trtflow.runners.registry import BACKENDS


def test_a_backend_that_computes_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    assert probe_child.main("emulated") == 0
    assert capfd.readouterr().err == ""


def test_a_backend_that_does_not_says_why_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*given: object) -> None:
        raise RuntimeError("no kernel\nimage")

    monkeypatch.setattr(type(BACKENDS["emulated"]), "start", fail)
    assert probe_child.main("emulated") == 1
    assert capfd.readouterr().err == "'emulated' is installed, but does not run here: no kernel image\n"

"""Who takes more memory than was given says so, once it is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trtflow.runners import resident as module
from trtflow.runners.resident import Resident, overrun, resident

MB = 1_000_000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells it there")
def test_what_is_taken_counts_and_what_was_given_back_only_as_the_most() -> None:
    before = resident()
    held = np.ones(64 * MB, np.uint8)
    during = resident()
    held = np.ones(1, np.uint8)
    after = resident()
    assert before is not None
    assert during is not None
    assert after is not None
    assert during.now - before.now > 60 * MB
    assert after.now < during.now - 60 * MB
    assert after.most > during.now - MB  # Linux counts the pages of a thread in lots
    assert held.size == 1


@pytest.mark.parametrize("content", [None, "Name:\tpython\n", "VmRSS:\t 12 kB\n"])
def test_where_the_system_does_not_tell_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    status = tmp_path / "status"
    if content is not None:
        status.write_text(content)
    monkeypatch.setattr(module, "STATUS", status)
    assert resident() is None


def test_both_figures_are_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = tmp_path / "status"
    status.write_text("VmPeak:\t  99 kB\nVmHWM:\t   20 kB\nVmRSS:\t   10 kB\nRssAnon:\t 7 kB\n")
    monkeypatch.setattr(module, "STATUS", status)
    assert resident() == Resident(10 * 1024, 20 * 1024)


BEFORE = Resident(100 * MB, 150 * MB)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (BEFORE, Resident(120 * MB, 411 * MB), True),
        (BEFORE, Resident(120 * MB, 374 * MB), False),  # within a tenth
        (BEFORE, Resident(120 * MB, 150 * MB), False),
        (Resident(100 * MB, 900 * MB), Resident(120 * MB, 900 * MB), False),  # an older peak hides this one
        (None, Resident(120 * MB, 900 * MB), False),
        (BEFORE, None, False),
    ],
)
def test_more_than_a_tenth_too_much_is_told(before: Resident | None, after: Resident | None, told: bool) -> None:
    sentence = overrun(before, after, 250 * MB)
    assert sentence.startswith("memory: 311 MB were used where 250 MB were given") == told
    assert bool(sentence) == told

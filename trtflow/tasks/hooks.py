"""What a task tells while it works, and where single evaluations are remembered. All of it may be left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trtflow.runners.evaluate import Progress
from trtflow.runners.oracle import Memo


def _untold(done: int, total: int | None, text: str) -> None:
    """Nobody asked."""


@dataclass(frozen=True)
class Hooks:
    """``progress`` is told (done, total, text), ``log`` a line worth keeping; ``memo`` outlives the process."""

    progress: Progress = _untold
    log: Callable[[str], None] = lambda line: None
    memo: Memo | None = None


SILENT = Hooks()

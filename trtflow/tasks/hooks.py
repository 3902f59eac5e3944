"""What a task tells while it works, and where single evaluations are remembered. All of it may be left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trtflow.progress import Progress, silent
from trtflow.runners.memo import Memo


@dataclass(frozen=True)
class Hooks:
    """``progress`` is told (done, total, text), ``log`` a line worth keeping; ``memo`` outlives the process."""

    progress: Progress = silent
    log: Callable[[str], None] = lambda line: None
    memo: Memo | None = None


SILENT = Hooks()

"""A run whose steps are executed in this process, one after another: thousands of runs in the time of a few hundred.

What a step costs by the command is mostly Python starting and importing; a crash here ends the process, which
whoever started it must expect.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from trtflow.engine.api import Silent
from trtflow.engine.child import Ending, Progress, ending
from trtflow.engine.outcome import Outcome, RunSettings
from trtflow.engine.plan import Plan, make_plan
from trtflow.engine.run import run_plan
from trtflow.engine.select import select
from trtflow.engine.store import Store
from trtflow.engine.worker import attempt
from trtflow.search.problem import Edge
from trtflow.tasks import search_problem


@dataclass(frozen=True)
class InProcess:
    """Executes steps where it is called; ``stage`` is told which comes next."""

    stage: Callable[[str], None]

    def run(
        self, task: Mapping[str, Any], folder: Path, log: Path, timeout: float | None, progress: Progress
    ) -> Ending:
        """Run the step in a working folder of its own, as a child would."""
        work, back = folder / "work", Path.cwd()
        work.mkdir()
        self.stage(str(task["module"]).rpartition(".")[2])
        os.chdir(work)
        try:
            return ending(attempt(task, io.StringIO()))
        finally:
            os.chdir(back)

    def stop(self) -> None:
        """Nothing runs beside the caller."""


def run_in_process(
    config: Path, overrides: tuple[str, ...], workflow: str | None, store: Store, stage: Callable[[str], None]
) -> tuple[Plan, Outcome]:
    """What ``trtflow run`` does with ``config``, up to publishing."""
    plan = make_plan(config, overrides, workflow)
    return plan, run_plan(plan, store, select(plan), Silent(), RunSettings(jobs=1), InProcess(stage))


@contextlib.contextmanager
def free_casts() -> Iterator[None]:
    """Casts cost nothing: a network of one node then takes the low precision, and the path has something to do."""
    found = search_problem._edges

    def edges(*given: Any) -> tuple[Edge, ...]:
        return tuple(replace(edge, cost=0.0) for edge in found(*given))

    with mock.patch.object(search_problem, "_edges", edges):
        yield

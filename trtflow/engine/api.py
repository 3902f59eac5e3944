"""A run from Python: what ``trtflow run`` does, told to nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trtflow.engine.commands import Request, execute, record_lock
from trtflow.engine.outcome import Outcome
from trtflow.engine.plan import make_plan
from trtflow.engine.publish import publish
from trtflow.engine.select import select
from trtflow.engine.store import Store, default_root
from trtflow.steps.contract import StepRecord


class Silent:
    """An observer that watches nothing."""

    def started(self, step: str, why: str) -> None:
        pass

    def progressed(self, step: str, done: int, total: int | None, text: str) -> None:
        pass

    def ended(self, record: StepRecord) -> None:
        pass


def run(
    config: str | Path,
    overrides: Sequence[str] = (),
    *,
    workflow: str | None = None,
    out: Path | None = None,
    store: Path | None = None,
    locked: bool = False,
) -> Outcome:
    """Run a config, publish its files to ``out`` (out/<config>) and write its lock, as the command line does.

    ``overrides`` as on the command line: ``["with.accept.iou.drop=0.01"]``. The outcome's ``status`` is the command's
    exit status, its ``records`` say what became of each step.

    Raises:
        ConfigError: anything is wrong with the config; all problems at once.
        LockError: ``locked``, and something would differ from the lock.

    Example:
        >>> trtflow.run("configs/unet.yaml").status
        0
    """
    plan = make_plan(Path(config), overrides, workflow)
    folder = out or Path("out") / plan.config.name
    request = Request(plan, select(plan), folder, again="", locked=locked)
    cache = Store(store or default_root())
    outcome = execute(request, cache, Silent())
    publish(plan, cache, request.selection, outcome, folder)
    record_lock(request, outcome)
    return outcome

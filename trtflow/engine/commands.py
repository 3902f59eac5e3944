"""What the commands do, once the command line is read."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trtflow.engine.display import Display
from trtflow.engine.lock import Locked, compare_metrics, held_to, lock_path, read_lock, write_lock
from trtflow.engine.outcome import Observer, Outcome, RunSettings
from trtflow.engine.plan import Plan
from trtflow.engine.preview import preview
from trtflow.engine.publish import publish
from trtflow.engine.run import run_plan
from trtflow.engine.select import Selection, all_fresh, involved
from trtflow.engine.show import show_failure, show_last_word, show_outcome, show_preview
from trtflow.engine.store import Store
from trtflow.errors import LockError, VerifyError
from trtflow.located import shown
from trtflow.yaml12 import dump

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Request:
    """A run as it was asked for. ``again`` is the command to go on with after a failure."""

    plan: Plan
    selection: Selection
    folder: Path
    again: str
    locked: bool = False
    jobs: int = 0


def run(console: Console, request: Request, store: Store) -> int:
    """Run, publish, write the lock where the run stands for the config; the exit status."""
    with Display(console, involved(request.plan, request.selection)) as display:
        outcome = execute(request, store, display)
    published = publish(request.plan, store, request.selection, outcome, request.folder)
    show_outcome(console, outcome, published, request.again)
    lock = record_lock(request, outcome)
    if lock is not None:
        console.print(f"Wrote {shown(lock)}: check it in.", soft_wrap=True, markup=False, highlight=False)
    show_last_word(console, outcome)
    return outcome.status


def execute(request: Request, store: Store, observer: Observer) -> Outcome:
    """Run the steps, held to the lock where that was asked for."""
    settings = RunSettings(request.jobs, locked=_held(request, store))
    return run_plan(request.plan, store, request.selection, observer, settings)


def record_lock(request: Request, outcome: Outcome) -> Path | None:
    """Write the lock where the run stands for the config; its path if it says something new."""
    path = lock_path(request.plan.config.file)
    stands = _stands_for_config(request.plan, request.selection, outcome) and not request.locked
    return path if stands and write_lock(path, request.plan, outcome) else None


def dry_run(console: Console, request: Request, store: Store) -> None:
    """Show what a run would do."""
    _held(request, store)
    show_preview(console, preview(request.plan, store, request.selection))


def why(console: Console, plan: Plan, store: Store, selection: Selection, name: str) -> None:
    """Show the state of one step and the material of its key."""
    one = next(found for found in preview(plan, store, selection) if found.step.name == name)
    show_preview(console, [one])
    if one.key:
        text = f"\nkey {one.key}\n{dump(dict(one.material))}"
        console.print(text, soft_wrap=True, markup=False, highlight=False)


def verify(console: Console, plan: Plan, tolerance: float, jobs: int) -> int:
    """Run in an empty store and compare with the lock.

    Raises:
        LockError: there is no lock.
        VerifyError: a metric or a step differs.
    """
    locked = read_lock(plan.config.file)
    with tempfile.TemporaryDirectory(prefix="trtflow-verify-") as folder:
        with Display(console, list(plan.steps)) as display:
            outcome = run_plan(plan, Store(Path(folder)), all_fresh(plan), display, RunSettings(jobs))
        for record in outcome.failed:
            show_failure(console, record)
    found = list(compare_metrics(locked, outcome, tolerance))
    if found:
        raise VerifyError("\n".join(["The run differs from the lock file:", *(f"  {one}" for one in found)]))
    console.print(f"\nVerified: {len(locked)} steps within {tolerance:g} of {lock_path(plan.config.file).name}.")
    if outcome.status:
        show_last_word(console, outcome)
    return outcome.status


def check_locked(plan: Plan, store: Store, selection: Selection, locked: Locked) -> None:
    """Before anything runs: does a key that is known already differ from the lock?

    Raises:
        LockError: it names each step and the reason.
    """
    steps = preview(plan, store, selection)
    known = {one.step.name: one.material for one in steps if one.key}
    changed = {name: held_to(locked, name, material) for name, material in known.items()}
    gone = {name: "it is no longer a step" for name in locked if name not in plan.steps}
    lines = [f"  {name}: {why}" for name, why in {**changed, **gone}.items() if why]
    if lines:
        file = lock_path(plan.config.file).name
        hint = "Run without --locked and check in the new lock file."
        raise LockError("\n".join([f"--locked: this run would change {file}:", *lines, hint]))


def _held(request: Request, store: Store) -> Locked | None:
    """The lock that a locked run is held to, once it is clear that the run would keep it as far as is known."""
    if not request.locked:
        return None
    locked = read_lock(request.plan.config.file)
    check_locked(request.plan, store, request.selection, locked)
    return locked


def _stands_for_config(plan: Plan, selection: Selection, outcome: Outcome) -> bool:
    stopped = outcome.failed or (outcome.rejected and any(r.status == "skipped" for r in outcome.records.values()))
    return selection.whole and not plan.config.changed and not stopped

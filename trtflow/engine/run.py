"""Run a plan: steps side by side where they do not depend on each other, each from the store or in a child."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from trtflow.engine.child import Children, Ending, Executor, log_tail
from trtflow.engine.decide import Decision, decide
from trtflow.engine.key import FORMAT, task_options
from trtflow.engine.outcome import Observer, Outcome, RunSettings
from trtflow.engine.plan import Plan, PlannedStep
from trtflow.engine.select import Selection, involved
from trtflow.engine.store import Artifact, Record, Store, step_record
from trtflow.errors import StepError
from trtflow.steps.contract import StepRecord


def run_plan(
    plan: Plan,
    store: Store,
    selection: Selection,
    observer: Observer,
    settings: RunSettings | None = None,
    executor: Executor | None = None,
) -> Outcome:
    """Run the selected steps, each in a child of its own unless ``executor`` runs them elsewhere.

    Raises:
        StepError: with ``--only``, a step before it is not in the store.
        KeyboardInterrupt: or what else interrupts it, after all children have ended.
    """
    return _Run(plan, store, selection, observer, settings or RunSettings(), executor or Children()).all()


class _Run:
    def __init__(
        self,
        plan: Plan,
        store: Store,
        selection: Selection,
        observer: Observer,
        settings: RunSettings,
        executor: Executor,
    ) -> None:
        self.plan, self.store, self.selection = plan, store, selection
        self.observer, self.settings = observer, settings
        self.executor = executor
        self.stopping = threading.Event()
        self.outcome = Outcome()

    def all(self) -> Outcome:
        names = involved(self.plan, self.selection)
        sorter = TopologicalSorter({name: self.plan.steps[name].before for name in names})
        sorter.prepare()
        self.store.sweep()
        pool = ThreadPoolExecutor(self.settings.jobs or os.cpu_count() or 1)
        try:
            self.schedule(sorter, pool)
        except BaseException:
            self.stopping.set()
            self.executor.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        self.outcome.records = {name: self.outcome.records[name] for name in names}
        return self.outcome

    def schedule(self, sorter: TopologicalSorter[str], pool: ThreadPoolExecutor) -> None:
        pending: dict[Future[StepRecord], str] = {}
        while sorter.is_active():
            pending.update({pool.submit(self.step, self.plan.steps[name]): name for name in sorter.get_ready()})
            finished, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                name = pending.pop(future)
                self.outcome.records[name] = future.result()
                self.observer.ended(future.result())
                sorter.done(name)

    def step(self, step: PlannedStep) -> StepRecord:
        records = {name: self.outcome.records[name] for name in step.before}
        decision = decide(self.plan, step, records, self.store, self.selection, self.settings.locked)
        if decision.state == "absent":
            raise StepError(decision.why)
        if decision.found is not None:
            return self.done(step, decision.found, cached=True)
        return decision.record(self.store) or self.make(decision, records)

    def make(self, decision: Decision, records: Mapping[str, StepRecord]) -> StepRecord:
        """Make what the store lacks, unless another process does so first."""
        step, key, material = decision.step, decision.key, decision.material
        self.observer.started(step.name, decision.why)
        waiting = "another process works on it; waiting"
        with self.store.hold(key, self.stopping, lambda: self.observer.started(step.name, waiting)):
            found = None if step.name in self.selection.fresh else self.store.record(key)
            return self.done(step, found, cached=True) if found else self.work(step, records, key, material)

    def work(
        self, step: PlannedStep, records: Mapping[str, StepRecord], key: str, material: Mapping[str, Any]
    ) -> StepRecord:
        folder = self.store.scratch()
        begun = time.monotonic()
        try:
            outputs = folder / "outputs"
            outputs.mkdir()
            task = self.task(step, records, outputs, material)
            log = self.store.log(self.plan.config.file, step.name)
            ending = self.executor.run(task, folder, log, step.timeout, self.progress(step.name))
            seconds = round(time.monotonic() - begun, 3)
            return self.finish(step, ending, outputs, key, material, seconds)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def finish(
        self,
        step: PlannedStep,
        ending: Ending,
        outputs: Path,
        key: str,
        material: Mapping[str, Any],
        seconds: float,
    ) -> StepRecord:
        if ending.result is None:
            return self.failed(step, ending.error, seconds)
        needed = {} if ending.result.accepted is False else step.type.outputs
        lacking = [
            f"'{file}' (its output '{name}')"
            for name, file in needed.items()
            if name not in step.type.optional and not (outputs / file).exists()
        ]
        if lacking:
            return self.failed(step, f"did not write {', '.join(lacking)}", seconds)
        result = asdict(ending.result)
        record = Record(key, material, self.collect(step, outputs), **result, seconds=seconds)
        self.store.commit(record)
        return self.done(step, record, cached=False)

    def collect(self, step: PlannedStep, outputs: Path) -> dict[str, Artifact]:
        present = {name: outputs / file for name, file in step.type.outputs.items() if (outputs / file).exists()}
        return {name: self.store.add(path) for name, path in present.items()}

    def task(
        self, step: PlannedStep, records: Mapping[str, StepRecord], outputs: Path, material: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "module": step.type.module,
            "options": task_options(step, records),
            "folder": str(outputs),
            "home": str(self.plan.config.file.resolve().parent),
            "memo": str(self.store.memo()),
            "fresh": self.settings.fresh_memo or step.name in self.selection.fresh,
            "base": {
                "format": FORMAT,
                **{name: material[name] for name in ("uses", "version", "environment")},
            },
            "digests": str(self.store.digest.database),
        }

    def progress(self, name: str) -> Any:
        return lambda done, total, text: self.observer.progressed(name, done, total, text)

    def done(self, step: PlannedStep, record: Record, cached: bool) -> StepRecord:
        self.outcome.stored[step.name] = record
        self.store.set_last(self.plan.config.file, step.name, record.material)
        return step_record(step.name, record, self.store, cached)

    def failed(self, step: PlannedStep, error: str, seconds: float = 0.0) -> StepRecord:
        log = log_tail(self.store.log(self.plan.config.file, step.name)) if seconds else ()
        return StepRecord(step.name, step.type.name, "failed", error=error, seconds=seconds, log=log)

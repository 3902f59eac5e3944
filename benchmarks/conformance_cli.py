"""Every case through the whole path: what ``trtflow run`` makes of it in FP16 and BF16, and INT8 where that applies.

Cases are those of ``conformance.py`` and ../shared/cases. Most run in process (see in_process.py), some by the
command. Usage:
    conformance_cli.py [--only TEXT] [--kind KIND] [--low LOW] [--share N] [--command N] [--jobs N] [--json FILE]
                       [--models FOLDER].
Exit status 1 where a run died, or ended by something that is neither right nor a refusal with a known reason.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from conformance_projects import LOWS, Project, projects
from conformance_verdicts import Verdict, judge, original_of, refusal
from conformance_workers import Worker, serve
from in_process import free_casts, run_in_process

from trtflow.engine.plan import make_plan
from trtflow.engine.store import Store

LIMIT = 300.0
"""Seconds for one step before its process is ended."""
OUTCOMES = ("right", "refused", "wrong", "died")
Task = Mapping[str, Any]


def main() -> int:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose names hold this")
    parser.add_argument("--kind", default="", help="cases of this kind only: node, simple, shared, …")
    parser.add_argument("--low", action="append", choices=LOWS, help="in these precisions only")
    parser.add_argument("--share", type=int, default=1, help="every N-th run only")
    parser.add_argument("--command", type=int, default=0, help="so many runs, evenly spread, by the command")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write each run's verdict here, a line each")
    parser.add_argument("--models", type=Path, help="instead the ONNX files below this folder, on random values")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        known = {project.name: project for project in projects(options.models)}
        return serve(lambda task, stage: asdict(_run(known[task["name"]], task, stage)))
    found = [one for one in projects(options.models) if options.only in one.name and options.kind in one.kind]
    tasks = _tasks(found, options.low or LOWS, options.share, options.command)
    with (options.json or Path(os.devnull)).open("w", encoding="utf-8") as file:
        verdicts = collect(tasks, options.jobs, file, options.models)
    return report(tasks, verdicts)


def _tasks(found: Sequence[Project], lows: Collection[str], share: int, command: int) -> list[Task]:
    """What is run: names, precisions, and whether by the command."""
    pairs = [(one, low) for one in found for low in one.lows if low in lows][::share]
    runs = [{"name": one.name, "kind": one.kind, "low": low} for one, low in pairs]
    every = len(runs) / command if command else len(runs) + 1
    return [{**run, "command": index % every < 1 and bool(command)} for index, run in enumerate(runs)]


def _run(project: Project, task: Task, stage: Callable[[str], None]) -> Verdict:
    """All runs of one case in one precision; the gravest verdict."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        made = project.write(Path(folder), task["low"])
        if task["command"]:
            found = [_by_command(config, overrides, workflow) for config, workflow, overrides in made]
        else:
            found = [_in_process(config, overrides, workflow, stage) for config, workflow, overrides in made]
    return max(found, key=lambda verdict: OUTCOMES.index(verdict.outcome))


def _in_process(
    config: Path, overrides: tuple[str, ...], workflow: str | None, stage: Callable[[str], None]
) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="conformance-store-") as folder, free_casts():
        plan, outcome = run_in_process(config, overrides, workflow, Store(Path(folder)), stage)
        stage("check")
        return judge(plan, outcome)


def _by_command(config: Path, overrides: tuple[str, ...], workflow: str | None) -> Verdict:
    """By the command, with Casts at their price: exit status, last line and ``metrics.json`` must say the same."""
    with tempfile.TemporaryDirectory(prefix="conformance-out-") as folder:
        places = ["--out", f"{folder}/out", "--store", f"{folder}/store"]
        named = ["--workflow", workflow] if workflow else []
        command = [sys.executable, "-m", "trtflow", "run", str(config), *overrides, *named, *places]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)  # noqa: S603
        last = (done.stdout.strip().splitlines() or [done.stderr.strip()])[-1]
        page = Path(folder, "out", "metrics.json")
        if done.returncode == 0 and json.loads(page.read_text())["accepted"]:
            return Verdict("right", "accepted, by the command")
    if done.returncode in (1, 3):
        return refusal(last, original_of(make_plan(config, overrides, workflow)))
    return Verdict("died", f"exit {done.returncode}: {last}")


def collect(tasks: Sequence[Task], jobs: int, log: TextIO, models: Path | None = None) -> list[Verdict]:
    """A verdict for each task, from ``jobs`` workers, told to ``log`` as it comes; to die is a verdict, too."""
    left: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(tasks)):
        left.put(index)
    found: dict[int, Verdict] = {}
    more = [] if models is None else ["--models", str(models)]

    def work_off() -> None:
        worker = Worker(__file__, more, limit=LIMIT)
        while not left.empty():
            index = left.get()
            result = worker.judge(dict(tasks[index]))
            if "died" in result:
                found[index] = Verdict("died", f"{result['died']} in {result['stage']}")
                worker.close()
                worker = Worker(__file__, more, limit=LIMIT)
            else:
                found[index] = Verdict(**result)
            log.write(json.dumps({**tasks[index], **asdict(found[index])}) + "\n")
            log.flush()
            if len(found) % 50 == 0:
                print(f"{len(found)} of {len(tasks)} runs", file=sys.stderr)
        worker.close()

    threads = [threading.Thread(target=work_off) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[index] for index in range(len(tasks))]


def report(tasks: Sequence[Task], verdicts: Sequence[Verdict]) -> int:
    """Print the table; the number of the process's exit."""
    columns = sorted({(task["kind"], task["low"]) for task in tasks})
    counts = Counter(
        (task["kind"], task["low"], verdict.outcome) for task, verdict in zip(tasks, verdicts, strict=True)
    )
    print(f"{'cases':20} {'low':5}" + "".join(f"{outcome:>9}" for outcome in OUTCOMES))
    for kind, low in columns:
        print(f"{kind:20} {low:5}" + "".join(f"{counts[kind, low, outcome]:9}" for outcome in OUTCOMES))
    for outcome in OUTCOMES:
        for text, names in _grouped(tasks, verdicts, outcome):
            print(f"{outcome:8}{len(names):6}  {text}  ({', '.join(names[:3])})")
    bad = sum(verdict.outcome in OUTCOMES[2:] for verdict in verdicts)
    print(f"total: {len(verdicts)} runs, {bad} unexplained")
    return 1 if bad else 0


def _grouped(tasks: Sequence[Task], verdicts: Sequence[Verdict], outcome: str) -> list[tuple[str, list[str]]]:
    """Messages of one outcome without what differs from model to model, the most frequent first."""
    groups: dict[str, list[str]] = {}
    for task, verdict in zip(tasks, verdicts, strict=True):
        if verdict.outcome == outcome:
            text = re.sub(r"'[^']*'|[\w./-]*\d[\w./-]*", "#", verdict.text)[:300]
            groups.setdefault(" ".join(text.split()), []).append(f"{task['name']} {task['low']}")
    return sorted(groups.items(), key=lambda group: -len(group[1]))


if __name__ == "__main__":
    sys.exit(main())

"""Prove the graph package on models that nobody here wrote: the collection of onnx.backend.test.

Each model with a float computation is rewritten to all-FP16, all-BF16 and a random half; see conformance_checks.py
for what is then asked. Usage: conformance.py [--only TEXT] [--jobs N] [--build]. Exit status 1 on a failure
without a named reason. ``--build`` also builds every model and its rewrites with TensorRT-RTX, where installed.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import sys
import threading
from collections import Counter
from typing import Any

from conformance_cases import Case, cases
from conformance_workers import Worker, serve


def main() -> int:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work(build=options.build)
    names = [(case.name, case.kind) for case in cases() if options.only in case.name]
    results = collect(names, options.jobs, build=False)
    builds = collect(names, options.jobs, build=True) if options.build else {}
    return report(dict(names), results, builds)


def work(build: bool) -> int:
    """A worker: the verdict on each model that is named."""
    known: dict[str, Case] = {case.name: case for case in cases()}
    if build:
        from conformance_build import judge_builds as judge
    else:
        from conformance_checks import judge
    return serve(lambda task, stage: judge(known[task["name"]], stage, frozenset(task["skip"])))


def collect(names: list[tuple[str, str]], jobs: int, build: bool) -> dict[str, dict[str, Any]]:
    """Verdicts of all models by name, from ``jobs`` workers."""
    tasks: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name, _ in names:
        tasks.put(name)
    results: dict[str, dict[str, Any]] = {}

    def new() -> Worker:
        return Worker(__file__, ["--build"] if build else [])

    def work_off() -> None:
        worker = new()
        while not tasks.empty():
            name = tasks.get()
            skip: list[str] = []
            while (
                "died" in (result := worker.judge({"name": name, "skip": skip}))
                and result["stage"] not in skip
                and len(skip) < 9
            ):
                skip.append(result["stage"])
                worker = new()
            if "died" in result:
                worker = new()
            results[name] = result
            if len(results) % 100 == 0:
                print(f"{len(results)} of {len(names)} models", file=sys.stderr)

    threads = [threading.Thread(target=work_off) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def report(kinds: dict[str, str], results: dict[str, Any], builds: dict[str, Any]) -> int:
    """Print the table; the number of the process's exit."""
    print(f"{len(results)} models: {dict(Counter(kinds[name] for name in results))}")
    why = Counter(result["ineligible"] for result in results.values() if "ineligible" in result)
    for text, count in why.most_common():
        print(f"{count:6} not eligible: {text}")
    eligible = {name: result for name, result in results.items() if "ineligible" not in result}
    built = {name: result for name, result in builds.items() if "ineligible" not in result}
    for verdicts in (eligible, built):
        _table(verdicts)
    failures = {name: text for r in (eligible, built) for name in r if (text := _failure(r[name]))}
    for text, names in _grouped(failures).items():
        print(f"UNEXPLAINED {len(names)} models ({', '.join(names[:3])}): {text}")
    for plan in ("fp16", "bf16", "half"):
        outcomes = [result[plan] for result in eligible.values() if plan in result]
        passed = sum(_passed(outcome) for outcome in outcomes)
        print(f"{plan}: {passed} passed, {len(outcomes) - passed} failed for a named reason or FAILED")
    named = sum(not all(_passed(o) for o in eligible[n].values()) for n in eligible if n not in failures)
    print(
        f"total: {len(results)} models, {len(eligible)} eligible, {len(eligible) - named - len(failures)} passed in "
        f"all three plans, {named} failed in one for a named reason, {len(failures)} unexplained"
    )
    return 1 if failures else 0


def _table(results: dict[str, Any]) -> None:
    """Counts per check and verdict, one column for each plan."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for result in results.values():
        for plan, outcome in result.items() if "died" not in result else ():
            for check, verdict in outcome.items():
                shown = "FAILED" if verdict.startswith("FAILED") else verdict
                counts.setdefault((check, shown), Counter())[plan] += 1
    for (check, verdict), plans in sorted(counts.items()):
        print("".join(f"{plans[plan]:6}" for plan in ("fp16", "bf16", "half")), f" {check:10} {verdict}")


def _failure(result: dict[str, Any]) -> str:
    if "died" in result:
        return f"{result['died']} in {result['stage']}"
    failed = (f"{p} {c} {v}" for p, o in result.items() for c, v in o.items() if v.startswith("FAILED"))
    return next(failed, "")


def _passed(outcome: dict[str, str]) -> bool:
    return all(verdict.startswith(("ok", "n/a")) for verdict in outcome.values())


def _grouped(failures: dict[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, text in sorted(failures.items()):
        groups.setdefault(re.sub(r"'[^']*'|[\w./]*\d[\w./]*|Cast \S+", "#", text), []).append(name)
    return groups


if __name__ == "__main__":
    sys.exit(main())

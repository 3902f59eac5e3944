"""The lock file: what a config last produced, checked in beside it so that reviewers see what changes.

It holds no times and no paths, so equal runs write equal bytes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trtflow.engine.explain import reason
from trtflow.engine.key import FORMAT as KEY_FORMAT
from trtflow.engine.key import key_of
from trtflow.engine.outcome import Outcome
from trtflow.engine.plan import Plan
from trtflow.engine.store import Record
from trtflow.errors import ConfigError, LockError
from trtflow.facts import facts
from trtflow.located import shown
from trtflow.yaml12 import dump, load

FORMAT = 1
MATERIAL = ("uses", "version", "with", "environment")

Locked = Mapping[str, Mapping[str, Any]]


def lock_path(config: Path) -> Path:
    """``configs/unet.lock.yaml`` for ``configs/unet.yaml``."""
    return config.with_suffix(".lock.yaml")


def write_lock(path: Path, plan: Plan, outcome: Outcome) -> bool:
    """Write what a complete run produced; False where the file says so already."""
    text = f"# Written by trtflow; do not edit.\n{dump(_document(plan, outcome))}"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
    return True


def read_lock(config: Path) -> Locked:
    """The locked steps of a config, each with key, material, outputs and metrics.

    Raises:
        LockError: there is no lock file, or it is not one.
    """
    path = lock_path(config)
    if not path.is_file():
        raise LockError(f"{shown(path)} is not there. Run the config once without overrides to write it.")
    try:
        document = load(path.read_text(encoding="utf-8"), shown(path))
        if document["trtflow-lock"] != FORMAT:
            raise LockError(f"{shown(path)} is of format {document['trtflow-lock']}, expected {FORMAT}. Run again.")
        steps = document["steps"]
        return {name: {**step, "format": document["key-format"]} for name, step in steps.items()}
    except (ConfigError, KeyError, TypeError, AttributeError) as error:
        raise LockError(f"{shown(path)} is not a lock file of trtflow. Restore it, or run again.") from error


def held_to(locked: Locked | None, step: str, material: Mapping[str, Any]) -> str:
    """How ``material`` differs from what the lock holds ``step`` to; empty where it does not."""
    if locked is None:
        return ""
    if step not in locked:
        return "it is not in the lock file"
    if locked[step]["key"] == key_of(material):
        return ""
    return reason({name: locked[step].get(name) for name in ("format", *MATERIAL)}, material)


def compare_metrics(locked: Locked, outcome: Outcome, tolerance: float) -> Iterator[str]:
    """Each difference between the locked metrics and a new run's, numbers within a relative ``tolerance``."""
    for name, step in locked.items():
        record = outcome.records.get(name)
        if record is None or record.status != "done":
            yield f"{name}: {record.error if record else 'is no longer a step'}"
        else:
            yield from _different(step.get("metrics", {}), record.metrics, name, tolerance)
    for name in outcome.records.keys() - locked.keys():
        yield f"{name}: it is not in the lock file"


def _document(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    names = {"trtflow"} | {name for step in plan.steps.values() for name in step.environment}
    tools = {name: value for name, value in facts(names).items() if value is not None}
    return {
        "trtflow-lock": FORMAT,
        "key-format": KEY_FORMAT,
        "workflow": plan.config.workflow,
        "tools": tools,
        "steps": {name: _step(plan, name, record) for name, record in _in_order(outcome)},
    }


def _in_order(outcome: Outcome) -> list[tuple[str, Record]]:
    return [(name, outcome.stored[name]) for name in outcome.records if name in outcome.stored]


def _step(plan: Plan, name: str, record: Record) -> dict[str, Any]:
    document: dict[str, Any] = {"key": record.key, **{part: record.material[part] for part in MATERIAL}}
    if not plan.steps[name].looks_back:
        # A step that looks back at others may show their seconds: its bytes differ between equal runs.
        document["outputs"] = {
            output: {"sha256": artifact.sha256, "size": artifact.size}
            for output, artifact in sorted(record.outputs.items())
        }
    if record.accepted is not None:
        document["accepted"] = record.accepted
    if record.metrics:
        document["metrics"] = record.metrics
    return document


def _different(old: Any, new: Any, path: str, tolerance: float) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _different(old.get(key), new.get(key), f"{path}.{key}", tolerance)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _different(before, after, f"{path}.{index}", tolerance)
    elif not _close(old, new, tolerance):
        yield f"{path}: {old} → {new}"


def _close(old: Any, new: Any, tolerance: float) -> bool:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (old, new))
    if not numbers:
        return bool(old == new)
    return math.isclose(old, new, rel_tol=tolerance, abs_tol=1e-9) or (math.isnan(old) and math.isnan(new))

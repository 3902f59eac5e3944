"""Put what a run made where people look for it: ``out/<config>/``, or the folder of ``--out``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from trtflow.engine.digest import companions
from trtflow.engine.outcome import Outcome
from trtflow.engine.plan import Plan
from trtflow.engine.select import Selection
from trtflow.engine.store import Store

LINKED = 64 << 20  # bytes; smaller files are copied, so that nobody edits the cache by editing them


def publish(plan: Plan, store: Store, selection: Selection, outcome: Outcome, folder: Path) -> list[Path]:
    """Publish the outputs of the steps that are done, and remove what an earlier run left of those that are not.

    A run that failed leaves what an earlier one made, and publishes only what it tells of itself. Returns what was
    published, files and folders.
    """
    published = []
    for (name, output), file in destinations(plan).items():
        if outcome.failed and not plan.steps[name].looks_back:
            continue
        record, target = outcome.records.get(name), folder / file
        if record is not None and output in record.outputs:
            _place(record.outputs[output], target, store)
            published.append(target)
        elif name in selection.wanted and not outcome.failed:
            _remove(target)
    return published


def destinations(plan: Plan) -> dict[tuple[str, str], str]:
    """(step, output) → name; where an earlier step took a name, the later step's own is put before it."""
    names: dict[tuple[str, str], str] = {}
    for step in plan.steps.values():
        for output, template in step.type.published.items():
            name = template.format(config=plan.config.name)
            names[step.name, output] = f"{step.name}.{name}" if name in names.values() else name
    return names


def _place(source: Path, target: Path, store: Store) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        _place_folder(source, target, store)
        return
    for file in companions(source):  # the file refers to these by name, so they keep theirs
        beside = target.parent / file.relative_to(source.parent)
        beside.parent.mkdir(parents=True, exist_ok=True)
        _place_file(file, beside, store)
    _place_file(source, target, store)


def _place_folder(source: Path, target: Path, store: Store) -> None:
    if target.is_dir() and store.digest(target) == store.digest(source):
        return
    aside = _aside(target)
    shutil.copytree(source, aside, copy_function=shutil.copyfile)
    _remove(target)
    aside.replace(target)


def _place_file(source: Path, target: Path, store: Store) -> None:
    size = source.stat().st_size
    if target.is_file() and target.stat().st_size == size:
        if store.digest.file(target) == store.digest.file(source):
            return
    elif target.is_dir():
        _remove(target)
    aside = _aside(target)
    if size < LINKED or not _linked(source, aside):
        shutil.copyfile(source, aside)
    aside.replace(target)


def _linked(source: Path, target: Path) -> bool:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without links
        return False
    return True


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}")


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)

"""The key of a step's result: the sha256 of everything that its outputs depend on, and of nothing else.

In: step type and version, all options with defaults filled in, the content of files and code, environment
facts. Out: paths, times, names of steps, timeouts. The material stays readable, so that a difference can be
explained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trtflow.engine.inputs import CodeInput, FileInput, Input, OutputInput, replaced
from trtflow.engine.plan import PlannedStep
from trtflow.steps.contract import StepRecord

FORMAT = 1  # raise when the way keys are made changes

Digest = Callable[[Path], str]
Records = Mapping[str, StepRecord]


def canonical(document: Any) -> str:
    """JSON that is equal for equal documents, whatever the order of their keys."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def key_of(material: Mapping[str, Any]) -> str:
    """The sha256 of ``material``, in hex."""
    return hashlib.sha256(canonical(material).encode("utf-8", "surrogatepass")).hexdigest()


def key_material(
    step: PlannedStep, records: Records, facts: Mapping[str, str | None], digest: Digest
) -> dict[str, Any]:
    """What the outputs of ``step`` depend on; ``records`` holds the steps before it."""
    values = {one.path: _content(one, records, digest) for one in step.inputs}
    return {
        "format": FORMAT,
        "uses": step.type.name,
        "version": step.type.version,
        "with": replaced(step.options, values),
        "environment": {name: facts[name] for name in step.environment},
    }


def task_options(step: PlannedStep, records: Records) -> Any:
    """The options as the child gets them: absolute paths and whole records."""
    return replaced(step.options, {one.path: _value(one, records) for one in step.inputs})


def _content(one: Input, records: Records, digest: Digest) -> Any:
    if isinstance(one, FileInput):
        return f"sha256:{digest(one.file)}"
    if isinstance(one, CodeInput):
        return {"code": f"sha256:{digest(one.file)}", "function": one.function}
    if isinstance(one, OutputInput):
        return f"sha256:{records[one.step].digests[one.output]}"
    record = records[one.step]
    return {"step": record.name, "status": record.status, "record": f"sha256:{key_of(record.evidence())}"}


def _value(one: Input, records: Records) -> Any:
    if isinstance(one, FileInput):
        return str(one.file)
    if isinstance(one, CodeInput):
        return f"{one.file}:{one.function}"
    if isinstance(one, OutputInput):
        return str(records[one.step].outputs[one.output])
    record = asdict(records[one.step])
    return {**record, "outputs": {name: str(path) for name, path in record["outputs"].items()}}

"""Run one step in the process, without the engine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
from dict_memo import DictMemo
from graph_models import f32, info, model, node

from trtflow.steps.contract import CodeReference, Context, Result


@dataclass(frozen=True)
class Done:
    """What a step returned, where it wrote, and what it said and asked for on the way."""

    result: Result
    folder: Path
    memo: DictMemo
    lines: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


def run_step(step: ModuleType, folder: Path, memo: DictMemo | None = None, **options: Any) -> Done:
    """Run ``step`` on ``options``, spelled as in YAML or Python; digests are those of file contents."""
    folder.mkdir(parents=True)
    done = Done(Result(), folder, memo or DictMemo())

    def digest(path: Path | str) -> str:
        done.asked.append(str(path))
        file = CodeReference(path).file if isinstance(path, str) else path
        return hashlib.sha256(file.read_bytes()).hexdigest()

    context = Context(folder, done.memo, lambda *told: done.told.append(told[2]), done.lines.append, digest)
    result = step.run(step.With.model_validate(options), context)
    return Done(result, folder, done.memo, done.lines, done.told, done.asked)


def overflowing_project(folder: Path) -> dict[str, Any]:
    """``model.onnx``, of which ``up`` and ``down`` exceed FP16, and four samples; as options of a step."""
    nodes = [node("Mul", "x thousand", "a", "up"), node("Mul", "a thousandth", "b", "down")]
    nodes += [node("Add", "b one", "c", "add"), node("Neg", "c", "y", "turn")]
    weights = [f32("thousand", 1000), f32("thousandth", 0.001), f32("one", 1)]
    onnx.save(model(nodes, [info("x", ["N", 4])], [info("y", ["N", 4])], weights), folder / "model.onnx")
    values = np.array([1.3, 60.7, 66.1, 70.9], np.float32)
    np.savez(folder / "samples.npz", x=np.repeat(values[:, None], 4, 1), marks=values)
    return {"model": folder / "model.onnx", "data": {"source": str(folder / "samples.npz")}}

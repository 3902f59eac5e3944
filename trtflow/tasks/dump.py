"""Run one precision and dump chosen layers, as .npy files and, on request, as Polygraphy's RunResults."""

from __future__ import annotations

import fnmatch
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto
from polygraphy.comparator import IterationResult, RunResults

from trtflow.data import Sample
from trtflow.emulation.emulate import Rounding
from trtflow.errors import PlanError
from trtflow.model.layers import layers
from trtflow.model.ports import mark_outputs
from trtflow.plan import PrecisionPlan
from trtflow.runners.emulated import EmulatedRunner
from trtflow.tasks.hooks import SILENT, Hooks


def chosen_tensors(model: ModelProto, patterns: Sequence[str]) -> list[str]:
    """The float tensors whose name, or whose node's name, fits one of ``patterns`` (wildcards allowed).

    Raises:
        PlanError: a pattern fits nothing.
    """
    found = layers(model)
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for layer in found for name in (layer.tensor, layer.node)):
            raise PlanError(f"tensors: '{pattern}' fits no float tensor and no node of the model.")
    return [
        layer.tensor
        for layer in found
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in (layer.tensor, layer.node))
    ]


def dump(
    model: ModelProto,
    data: Iterable[Sample],
    tensors: Sequence[str],
    plan: PrecisionPlan,
    folder: Path,
    *,
    samples: int = 1,
    rounding: Rounding = "tensor",
    results: Path | None = None,
    hooks: Hooks = SILENT,
) -> None:
    """Execute strictly in ``plan``, marked outputs too, and write ``folder``/<sample>/<number>.npy and index.json.

    ``results``: where Polygraphy's RunResults go as well, as JSON.
    """
    runner = EmulatedRunner(mark_outputs(model, tensors), plan, rounding)
    iterations = []
    with runner:
        for index, sample in enumerate(itertools.islice(data, samples)):
            hooks.progress(index, samples, f"sample {index}")
            found = runner(sample.feed)
            (folder / str(index)).mkdir(parents=True)
            for number, name in enumerate(tensors):
                np.save(folder / str(index) / f"{number}.npy", found[name])
            if results:
                iterations.append(IterationResult({name: found[name] for name in tensors}, runner_name=runner.name))
    (folder / "index.json").write_text(json.dumps(dict(enumerate(tensors)), indent=1), encoding="utf-8")
    if results:
        saved = RunResults()
        saved.add(iterations, runner_name=runner.name)
        saved.save(str(results))

"""What ONNX Runtime does with the mixed file: tried once, on one sample, and told; never what decides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import onnxruntime

from trtflow.data import Array
from trtflow.files.runtime_trial import RuntimeTrial, is_troubled, sentence
from trtflow.model.external import external_files
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.trial import try_file
from trtflow.tasks.documents import Documents

LARGEST = 2 << 30
"""Bytes of a file that is still tried: on a CPU, ONNX Runtime takes some three times as much memory for it."""


def try_runtime(file: Path, evaluator: Evaluator, typed: Sequence[Mapping[str, Array]]) -> RuntimeTrial:
    """Run the first sample through ``file`` in ONNX Runtime; ``typed`` are the outputs that it has as it is typed."""
    version, size = onnxruntime.__version__, _bytes(file)
    if size > LARGEST:
        limit = f"{LARGEST / 1e9:.1f} GB is the most that is loaded to see"
        return RuntimeTrial(version=version, skipped=f"it has {size / 1e9:.1f} GB, and {limit}")
    attempts, outputs = try_file(file, evaluator.samples[0].feed)
    if not outputs:
        return RuntimeTrial(version=version, attempts=attempts)
    sqnr, as_typed = (_sqnr(evaluator, {name: found[name] for name in outputs}) for found in (outputs, typed[0]))
    return RuntimeTrial(version=version, attempts=attempts, sample=0, sqnr=sqnr, typed=as_typed)


def _sqnr(evaluator: Evaluator, outputs: Mapping[str, Array]) -> float | None:
    """In dB, of the first sample alone; None where nothing could be compared."""
    found = evaluator.level(outputs, 0)
    return None if math.isnan(found) else found


def _bytes(file: Path) -> int:
    """Of the file and of the weights beside it."""
    beside = (file.parent / name for name in external_files(file))
    return sum(path.stat().st_size for path in (file, *beside) if path.exists())


def runtime_mark(documents: Documents) -> Iterator[str]:
    """The mark of a file that ONNX Runtime does not run as it comes."""
    trial = documents.verdict.runtime if documents.verdict else None
    if trial is not None and is_troubled(trial):
        yield sentence(trial)

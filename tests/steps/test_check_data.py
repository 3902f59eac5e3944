"""The step leaves the checks and the facts of the data, and its marks go into the lock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from planted import int8_network, pictures
from stepping import run_step

from trtflow.files.checks import read_checks
from trtflow.files.data_facts import DataFacts
from trtflow.files.document import read_document
from trtflow.steps import check_data

NOISE = np.random.default_rng(0).random((8, 3, 16, 16)).astype(np.float32)


@pytest.mark.parametrize(
    ("images", "marks", "summary"),
    [
        (pictures(0), 0, "12 different samples, nothing against them"),
        (NOISE, 1, "R17: input 'x' is read as a picture"),
    ],
    ids=["pictures", "noise"],
)
def test_marks_stand_in_the_document_the_metrics_and_the_summary(
    tmp_path: Path, images: NDArray[np.float32], marks: int, summary: str
) -> None:
    onnx.save(int8_network(), tmp_path / "model.onnx")
    np.savez(tmp_path / "eval.npz", x=images)
    options = {"model": tmp_path / "model.onnx", "data": {"source": str(tmp_path / "eval.npz")}}
    done = run_step(check_data, tmp_path / "step", **options)
    facts = read_document(DataFacts, done.folder / check_data.outputs["facts"])
    assert (facts.source, facts.distinct, len(facts.marks)) == ("eval.npz", len(images), marks)
    assert done.result.metrics == {"samples": len(images), "distinct": len(images), "marks": list(facts.marks)}
    assert done.result.accepted is None
    assert done.result.summary.startswith(summary)
    assert sum(check.verdict == "warn" for check in read_checks(done.folder / "checks.json")) == marks

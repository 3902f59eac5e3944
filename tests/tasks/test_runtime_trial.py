"""What ONNX Runtime does with the file stands beside the verdict and never changes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import info, model, node
from planted import rows
from selecting import best_queries, queries

from trtflow.files.outcomes import RewriteOutcome, VerdictDocument
from trtflow.files.runtime_trial import Attempt, RuntimeTrial, sentence
from trtflow.plan import PrecisionPlan
from trtflow.report.html import render
from trtflow.tasks import runtime_trial as task
from trtflow.tasks.documents import Documents
from trtflow.tasks.report import summarize
from trtflow.tasks.rewrite import rewrite
from trtflow.tasks.runtime_trial import runtime_mark
from trtflow.tasks.validate import validate

LOW, MIXED = PrecisionPlan("fp16"), PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})
CRASH = Attempt(failed="crashes (SIGSEGV) on the file")
CRASHED = RuntimeTrial(version="1.32.0", attempts=(CRASH,))
FAR = RuntimeTrial(version="1.32.0", attempts=(Attempt(),), sample=0, sqnr=1.0, typed=60.0)
WELL = RuntimeTrial(version="1.32.0", attempts=(Attempt(),))


def validated(network: onnx.ModelProto, plan: PrecisionPlan, folder: Path, **more: Any) -> VerdictDocument:
    """The verdict on the file of ``plan``, which is tried."""
    mixed = rewrite(network, plan).model
    onnx.save(mixed, folder / "mixed.onnx")
    return validate(network, mixed, rows(70.7, 1.3), file=folder / "mixed.onnx", **more)


def tried(verdict: VerdictDocument) -> RuntimeTrial:
    assert verdict.runtime is not None
    return verdict.runtime


def test_a_file_that_runs_is_no_worse_than_was_measured(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    found = tried(validated(overflowing, MIXED, tmp_path))
    assert [attempt.failed for attempt in found.attempts] == [""]
    assert found.typed is not None
    assert math.isfinite(found.typed)
    assert found.ahead > -1


def test_a_cpu_that_hides_an_overflow_is_no_evidence(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    verdict = validated(overflowing, LOW, tmp_path)
    assert not verdict.accepted
    assert (tried(verdict).typed, tried(verdict).ahead > 0) == (-math.inf, True)
    assert "no evidence" in sentence(tried(verdict))


@pytest.mark.parametrize("made", [{}, {"y": np.zeros((1, 4), np.float32)}], ids=["it crashes", "it gives zeros"])
def test_the_verdict_stays_whatever_onnx_runtime_does(
    overflowing: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Mapping[str, Any]
) -> None:
    monkeypatch.setattr(task, "try_file", lambda *given: ((Attempt() if made else CRASH,), made))
    mixed = rewrite(overflowing, MIXED).model
    alone = validate(overflowing, mixed, rows(70.7, 1.3))
    found = validated(overflowing, MIXED, tmp_path)
    assert found.model_copy(update={"runtime": None}) == alone
    assert (found.accepted, tried(found).sqnr) == (True, 0.0 if made else None)
    assert len(list(runtime_mark(Documents(verdict=found)))) == 1


def test_an_output_that_is_no_float_is_not_compared(tmp_path: Path) -> None:
    """Only ``y`` comes back; what the user's metric looks at is beside the point."""
    nodes = [node("Relu", "x", "y"), node("Shape", "x", "size")]
    net = model(nodes, [info("x", [1, 4])], [info("y", [1, 4]), info("size", [2], onnx.TensorProto.INT64)])
    assert tried(validated(net, LOW, tmp_path)).sqnr is not None


def test_integers_that_a_selection_decides_are_not_missed(tmp_path: Path) -> None:
    """``labels`` does not come back, and ``matched`` looks at it; the trial asks for decibels alone."""
    net, data = best_queries(), queries()
    mixed = rewrite(net, LOW).model
    onnx.save(mixed, tmp_path / "mixed.onnx")
    assert tried(validate(net, mixed, data, file=tmp_path / "mixed.onnx")).works is not None


def test_the_users_metric_is_not_called_for_it(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    seen: list[int] = []

    def metric(outputs: Any, labels: Any) -> dict[str, float]:
        seen.append(len(outputs))
        return {"own": 1.0}

    asked = {"metric": metric, "accept": {"own": {"min": 1}}}
    validated(overflowing, MIXED, tmp_path, **asked)
    with_trial, seen[:] = [*seen], []
    validate(overflowing, rewrite(overflowing, MIXED).model, rows(70.7, 1.3), **asked)
    assert with_trial == seen


@pytest.mark.parametrize(("beside", "skipped"), [(0, False), (200, True)])
def test_a_file_that_is_too_large_with_its_weights_is_not_tried(
    overflowing: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: int, skipped: bool
) -> None:
    monkeypatch.setattr(task, "try_file", lambda *given: ((Attempt(),), {}))
    monkeypatch.setattr(task, "external_files", lambda path: ("weights",))
    (tmp_path / "weights").write_bytes(bytes(beside))
    onnx.save(rewrite(overflowing, MIXED).model, tmp_path / "mixed.onnx")
    monkeypatch.setattr(task, "LARGEST", (tmp_path / "mixed.onnx").stat().st_size + 100)
    found = tried(validated(overflowing, MIXED, tmp_path))
    assert (bool(found.skipped), bool(found.attempts)) == (skipped, not skipped)


@pytest.mark.parametrize(
    ("trial", "marked"),
    [(None, False), (WELL, False), (CRASHED, True), (FAR, True)],
    ids=["not tried", "it runs", "it crashes", "it computes something else"],
)
def test_the_page_always_tells_it_and_only_trouble_is_a_mark(trial: RuntimeTrial | None, marked: bool) -> None:
    figures = {"reference": {}, "candidate": {}, "margins": {}}
    verdict = VerdictDocument(accepted=True, samples=1, accept={}, runtime=trial, **figures)
    documents = Documents(verdict=verdict, rewrite=RewriteOutcome(casts=0, pairs=0, bytes=1))
    assert tuple(runtime_mark(documents)) == ((sentence(trial),) if trial and marked else ())
    page = render(summarize(documents))
    assert page.count("ONNX Runtime 1.32.0") == (0 if trial is None else 1 + marked)

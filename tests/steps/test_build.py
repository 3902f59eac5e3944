"""The step says what was built, or plainly why nothing was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stepping import overflowing_project, run_step

from trtflow.files.document import read_document
from trtflow.files.outcomes import BuildOutcome
from trtflow.steps import build
from trtflow.tasks import build as task
from trtflow.trt.request import EngineSettings

BUILT = BuildOutcome(
    backend="tensorrt", version="10.13", typing="strong", bytes=2_500_000, tensors={"half": 4, "float": 2}
)
NOT = BuildOutcome(backend="none", not_built="there is no GPU")
LATE = BuildOutcome(backend="tensorrt", not_built="it took 5 s", failure="time-out")


@pytest.mark.parametrize(
    ("outcome", "summary", "metrics"),
    [
        (
            BUILT,
            "tensorrt 10.13, strongly typed: 2.50 MB; network tensors: 2 float, 4 half",
            {"bytes": 2_500_000, "tensors": {"half": 4, "float": 2}},
        ),
        (NOT, "not built: there is no GPU", {}),
        (LATE, "not built (time-out): it took 5 s", {}),
    ],
    ids=["built", "not built", "late"],
)
def test_the_outcome_is_written_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: BuildOutcome, summary: str, metrics: dict[str, Any]
) -> None:
    asked: list[Any] = []

    def fake(model: Path, data: Any, destination: Path, runner: str, original: Path, **more: Any) -> BuildOutcome:
        asked.append((model, [sample.shapes for sample in data], destination, runner, original, more["trt"]))
        return outcome

    monkeypatch.setattr(task, "build", fake)
    given = overflowing_project(tmp_path)
    original = given["model"].with_name("original.onnx")
    done = run_step(
        build, tmp_path / "build", **given, original=original, samples=2, runner="tensorrt", trt={"timeout": 5}
    )
    assert read_document(BuildOutcome, done.folder / "build.json") == outcome
    assert (done.result.summary, done.result.metrics, done.result.accepted) == (summary, metrics, None)
    assert asked == [
        (
            given["model"],
            [{"x": (1, 4)}] * 2,
            done.folder / "engine.plan",
            "tensorrt",
            original,
            EngineSettings(timeout=5),
        )
    ]


def test_an_engine_may_be_left_out() -> None:
    assert {*build.optional} == {*build.outputs} - {"build"} == {*build.published}

"""The step is the gate of a run: accepted or refused, with the conditions that failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from report_fakes import eight_bits, search
from stepping import Done, overflowing_project, run_step

from trtflow.files.document import read_document, write_document
from trtflow.files.outcomes import VerdictDocument
from trtflow.plan import PrecisionPlan
from trtflow.steps import validate
from trtflow.tasks.rewrite import rewrite
from trtflow.tasks.validate import validate as validate_task

MIXED = PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})


def judged(folder: Path, plan: PrecisionPlan, **options: Any) -> Done:
    """The file rewritten by ``plan``, validated."""
    given = overflowing_project(folder)
    onnx.save(rewrite(onnx.load(given["model"]), plan).model, folder / "mixed.onnx")
    files = {"reference": given["model"], "candidate": folder / "mixed.onnx", "data": given["data"]}
    return run_step(validate, folder / "validate", **{**files, **options})


@pytest.mark.parametrize(
    ("plan", "accept", "accepted", "summary"),
    [
        (MIXED, {"sqnr": {"min": 30}}, True, "accepted: sqnr inf → "),
        (PrecisionPlan("fp16"), {"sqnr": {"min": 30}}, False, "refused by sqnr.min: sqnr inf → -inf on 4 samples"),
        (
            MIXED,
            {"cosine": {"min": 1.5}, "sqnr": {"min": 1e9}},
            False,
            "refused by sqnr.min, cosine.min: cosine 1 → ",
        ),
    ],
    ids=["it holds", "it overflows", "two conditions fail, the worse first"],
)
def test_the_verdict_is_the_gates_and_in_words(
    tmp_path: Path, plan: PrecisionPlan, accept: dict[str, Any], accepted: bool, summary: str
) -> None:
    done = judged(tmp_path, plan, accept=accept)
    assert done.result.accepted is accepted
    assert done.result.summary.startswith(summary)
    found = read_document(VerdictDocument, done.folder / "verdict.json")
    assert (found.accepted, found.samples, found.accept) == (accepted, 4, accept)


@pytest.mark.parametrize(("unseen", "held_out"), [((3,), True), ((), False)])
def test_the_searches_tell_what_is_unseen(tmp_path: Path, unseen: tuple[int, ...], held_out: bool) -> None:
    write_document(search(unseen=unseen), tmp_path / "search.json")
    done = judged(tmp_path, MIXED, searches=[tmp_path / "search.json"])
    found = read_document(VerdictDocument, done.folder / "verdict.json")
    assert (found.unseen is not None, found.proven) == (held_out, False)
    assert found.why_not_proven.startswith(f"only 4 different samples{'' if held_out else ', none held out'}")


@pytest.mark.parametrize(
    ("low", "calibration", "doubted"),
    [("int8", None, True), ("int8", "samples.npz", True), ("int8", "others.npz", False), ("fp16", None, False)],
)
def test_samples_that_chose_the_ranges_prove_nothing(
    tmp_path: Path, low: str, calibration: str | None, doubted: bool
) -> None:
    bits = eight_bits() if low == "int8" else None
    write_document(search(unseen=(3,), eight_bits=bits), tmp_path / "search.json")
    given = None if calibration is None else {"source": str(tmp_path / calibration)}
    data = {"source": str(tmp_path / "samples.npz")}
    done = judged(tmp_path, MIXED, data=data, searches=[tmp_path / "search.json"], calibration=given)
    found = read_document(VerdictDocument, done.folder / "verdict.json")
    assert ("chose the ranges" in found.why_not_proven) is doubted


def test_figures_that_json_cannot_hold_are_words(tmp_path: Path) -> None:
    assert judged(tmp_path, PrecisionPlan("fp16")).result.metrics == {"sqnr": "-Infinity"}


def test_labels_and_a_metric_of_the_users_are_handed_on(tmp_path: Path) -> None:
    code = tmp_path / "own.py"
    code.write_text(
        "def error(outputs, labels):\n"
        "    return {'error': max(float(abs(-o['y'] - 1 - l).max()) for o, l in zip(outputs, labels))}\n"
    )
    given = {"source": str(tmp_path / "samples.npz"), "labels": "marks", "limit": 2}
    done = judged(tmp_path, MIXED, data=given, metric=f"{code}:error", accept={"error": {"max": 0.1}})
    assert done.result.accepted
    assert done.result.summary.endswith(" on 2 samples, worst on sample 0")


def test_the_summary_names_the_part_that_was_the_worst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = "y (4 of axis 1, from score)"

    def with_parts(*arguments: Any, **options: Any) -> VerdictDocument:
        return validate_task(*arguments, **options).model_copy(update={"decided_by": {"sqnr": part}})

    monkeypatch.setattr("trtflow.tasks.validate.validate", with_parts)
    done = judged(tmp_path, PrecisionPlan("fp16"), accept={"sqnr": {"min": 30}, "cosine": {"min": 0}})
    assert (
        done.result.summary
        == f"refused by sqnr.min: sqnr inf → -inf by {part}, cosine 1 → 0 on 4 samples, worst on sample 2"
    )


SCRIPT = """
import onnx
from trtflow.runners.emulated import TypedRunner

def load_runner(path):
    return TypedRunner(onnx.load(path))
"""


@pytest.mark.parametrize(("plan", "accepted"), [(MIXED, True), (PrecisionPlan("fp16"), False)])
def test_a_runner_of_the_users_own_judges_the_file(tmp_path: Path, plan: PrecisionPlan, accepted: bool) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT, encoding="utf-8")
    done = judged(tmp_path, plan, runner="polygraphy-script", script=str(tmp_path / "mine.py"))
    found = read_document(VerdictDocument, done.folder / "verdict.json")
    assert (found.accepted, found.emulated, found.runner) == (accepted, accepted, "polygraphy-script")

"""The step reports on whatever the others became, also where they failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dict_memo import DictMemo
from report_fakes import eight_bits, search

from trtflow.files.document import write_document
from trtflow.files.outcomes import BuildOutcome
from trtflow.files.search import SearchDocument
from trtflow.steps import report
from trtflow.steps.contract import Context, Result, StepRecord


def _run(folder: Path, *records: StepRecord) -> Result:
    context = Context(folder, DictMemo(), lambda *_: None, lambda _: None, str)
    return report.run(report.With(of=records), context)


def _searched(folder: Path, found: SearchDocument) -> StepRecord:
    write_document(found, folder / "search.json")
    return StepRecord("search", "bisect", "done", outputs={"search": folder / "search.json"}, seconds=1.5)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (
            {"uses": "bisect", "status": "failed", "error": "ended by SIGSEGV"},
            "Failed: step: ended by SIGSEGV.",
        ),
        (
            {"uses": "check-calibration", "status": "done", "accepted": False, "summary": "R18"},
            "Not accepted: step: R18.",
        ),
        ({"uses": "build", "status": "skipped"}, "Not accepted: nothing was validated."),
    ],
)
def test_it_says_what_failed_and_leaves_both_files(tmp_path: Path, record: dict[str, Any], said: str) -> None:
    result = _run(tmp_path, StepRecord("step", **record))
    assert (result.summary, result.last_word, result.table) == (said, (said,), None)
    assert result.accepted is False
    assert said in (tmp_path / "report.html").read_text(encoding="utf-8")
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["accepted"], metrics["sentence"]) == (False, said)
    assert result.metrics == {"state": metrics["state"], "marks": []}


def test_the_terminal_shows_the_metrics_before_and_after(tmp_path: Path) -> None:
    table = _run(tmp_path, _searched(tmp_path, search())).table
    assert table is not None
    assert table.columns == ("metric", "fp32", "fp16", "mixed", "accepted if")
    assert table.rows == (("iou", "0.9512", "0.1020", "0.9501", "drop at most 0.005"),)


def test_with_eight_bits_naive_and_tuned_ranges_have_a_column_each(tmp_path: Path) -> None:
    metrics = {"reference": {"iou": 0.9}, "naive": {"iou": 0.4}, "low": {"iou": 0.6}, "candidate": {"iou": 0.8}}
    table = _run(tmp_path, _searched(tmp_path, search(low="int8", eight_bits=eight_bits(), metrics=metrics))).table
    assert table is not None
    assert table.columns == ("metric", "fp32", "int8 naive", "int8 tuned", "mixed", "accepted if")
    assert table.rows == (("iou", "0.9000", "0.4000", "0.6000", "0.8000", "drop at most 0.005"),)


def test_the_time_of_each_step_is_in_the_metrics(tmp_path: Path) -> None:
    _run(tmp_path, _searched(tmp_path, search()))
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["seconds"] == {"search": 1.5}


def test_marks_are_notes_before_the_verdict(tmp_path: Path) -> None:
    write_document(BuildOutcome(backend="none", not_built="there is no GPU"), tmp_path / "build.json")
    result = _run(tmp_path, StepRecord("build", "build", "done", outputs={"build": tmp_path / "build.json"}))
    assert result.last_word == ("note: not built here: there is no GPU.", result.summary)
    assert result.metrics["marks"] == ["not built here: there is no GPU."]

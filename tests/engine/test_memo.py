from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trtflow.engine.memo import FileMemo

BASE = {"uses": "bisect", "version": 1, "environment": {"onnxruntime": "1.32"}}


def test_an_evaluation_is_found_by_its_content(tmp_path: Path) -> None:
    memo = FileMemo(tmp_path, BASE)
    memo.put({"plan": {"b": 1, "a": 2}}, {"iou": 0.9})
    assert memo.get({"plan": {"a": 2, "b": 1}}) == {"iou": 0.9}
    assert memo.get({"plan": {"a": 2}}) is None


@pytest.mark.parametrize(
    "other",
    [{"uses": "quantize"}, {"version": 2}, {"environment": {"onnxruntime": "1.33"}}, {"environment": {}}],
)
def test_another_step_version_or_environment_finds_nothing(tmp_path: Path, other: dict[str, Any]) -> None:
    FileMemo(tmp_path, BASE).put({"a": 1}, {"iou": 0.9})
    assert FileMemo(tmp_path, {**BASE, **other}).get({"a": 1}) is None
    assert FileMemo(tmp_path, dict(reversed(BASE.items()))).get({"a": 1}) == {"iou": 0.9}


def test_a_fresh_memo_finds_only_what_it_stored_itself(tmp_path: Path) -> None:
    FileMemo(tmp_path, BASE).put({"a": 1}, {"old": True})
    memo = FileMemo(tmp_path, BASE, fresh=True)
    assert memo.get({"a": 1}) is None
    memo.put({"a": 1}, {"old": False})
    assert memo.get({"a": 1}) == {"old": False}
    assert FileMemo(tmp_path, BASE).get({"a": 1}) == {"old": False}


def test_a_record_survives_the_process_that_made_it_as_it_was(tmp_path: Path) -> None:
    record = {"error": float("inf"), "metrics": {"iou": 0.1}, "names": ["a", "é"]}
    FileMemo(tmp_path, BASE).put({"a": 1}, record)
    assert FileMemo(tmp_path, BASE).get({"a": 1}) == record


def test_each_record_is_a_file_and_nothing_else_is_left(tmp_path: Path) -> None:
    memo = FileMemo(tmp_path, BASE)
    for number in (1, 2, 2):
        memo.put({"a": number}, {})
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".json", ".json"]

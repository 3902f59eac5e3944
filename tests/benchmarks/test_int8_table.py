"""Which of a tool's lines the summary shows."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from int8_table import Table, summary
from int8_task import Task, dataset

VALUES = {"onnxruntime MinMax": 0.2, "onnxruntime Entropy": math.nan, "onnxruntime Percentile": 0.7, "modelopt": 0.9}


def table(kind: str) -> Table:
    return Table(Task("A task", Path("model.onnx"), dataset([]), [], None, {"m": {kind: 0.1}}), dict(VALUES))


@pytest.mark.parametrize(("kind", "best"), [("drop", 0.7), ("rise", 0.2)])
def test_the_best_line_is_the_largest_or_smallest_number_as_the_bound_says(kind: str, best: float) -> None:
    assert table(kind).best("onnxruntime") == best


def test_a_tool_without_a_number_has_a_dash_and_lines_fit_into_100_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = table("drop")
    shown.note("cures", "many words " * 20)
    summary([shown])
    lines = capsys.readouterr().out.splitlines()
    assert "–" in lines[-1]
    assert max(map(len, lines)) <= 100

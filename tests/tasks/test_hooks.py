"""A task says nothing and remembers nothing unless it is asked to."""

from __future__ import annotations

import onnx
import pytest
from dict_memo import DictMemo
from planted import rows

from trtflow.tasks.bisect import bisect
from trtflow.tasks.bisection import BisectSettings
from trtflow.tasks.hooks import SILENT, Hooks

QUIET = BisectSettings(baselines=(), held_out=0)


def test_by_default_a_task_prints_nothing(overflowing: onnx.ModelProto, capfd: pytest.CaptureFixture[str]) -> None:
    bisect(overflowing, rows(1, 70), settings=QUIET, hooks=SILENT)
    assert capfd.readouterr() == ("", "")


def test_hooks_hear_each_evaluation_and_lines_worth_keeping(overflowing: onnx.ModelProto) -> None:
    done: list[tuple[int, int | None, str]] = []
    lines: list[str] = []
    bisect(overflowing, rows(1, 70), settings=QUIET, hooks=Hooks(lambda *told: done.append(told), lines.append))
    assert lines[0] == "everything in fp16, taken literally: margin -inf"
    asked = [entry for entry in done if entry[2] != "reference"]
    counts = [count for count, _, _ in asked]
    assert counts == sorted(counts)
    assert {*counts} == {*range(1, counts[-1] + 1)}
    assert asked[0] == (1, None, "ends: 0 high, refused, margin -inf")
    assert [line.split(" (")[0] for line in lines[1:]] == [text for *_, text in asked]


def test_with_a_memo_a_second_search_measures_nothing(overflowing: onnx.ModelProto) -> None:
    memo, lines = DictMemo(), list[str]()
    first, again = (
        bisect(overflowing, rows(1, 70), settings=QUIET, hooks=Hooks(log=lines.append, memo=memo)) for _ in range(2)
    )
    assert again == first
    assert memo.records
    count = (len(lines) - 2) // 2
    assert all(line.endswith(" (reused)") for line in lines[-count:])

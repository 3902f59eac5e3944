from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from toyrun import TOYS

from trtflow.engine.child import Children, Ending, _follow, _guess, _signal_name, log_tail, read_table
from trtflow.steps.contract import Result, Table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Scratch of a step, with a folder for its outputs."""
    (tmp_path / "outputs").mkdir()
    return tmp_path


def ending(folder: Path, step: str, timeout: float | None = None, children: Any = None, **options: object) -> Ending:
    """How a child ends that runs a fake step."""
    task = {
        "module": TOYS.get(step, step),
        "options": options,
        "folder": str(folder / "outputs"),
        "memo": str(folder / "memo"),
        "fresh": False,
        "base": {},
        "digests": str(folder / "digests.sqlite"),
    }
    told: list[tuple[int, int | None, str]] = []
    found = (children or Children()).run(task, folder, folder / "log", timeout, lambda *news: told.append(news))
    (folder / "told").write_text(repr(told))
    return found


def test_a_child_leaves_its_result_its_files_its_progress_and_its_log(folder: Path) -> None:
    found = ending(folder, "write", text="hi")
    assert found == Ending(Result({"length": 2}, None, "wrote hi", Table(("text", "length"), (("hi", 2),))))
    assert (folder / "outputs" / "text.txt").read_text() == "hi"
    assert (folder / "told").read_text() == "[(1, 1, 'written')]"
    assert (folder / "log").read_text() == "a line of log\n"


def test_a_step_works_in_a_folder_of_its_own(folder: Path) -> None:
    ending(folder, "write")
    assert (folder / "work").is_dir()


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("segv", "was ended by SIGSEGV"),
        ("busy", "was ended by SIGSEGV; it was making a session"),
        ("kill", "was ended by SIGKILL, which was not sent by trtflow: perhaps the machine ran out of memory"),
        ("exit", "ended with exit status 7 before it was done"),
        ("raise", "raised ZeroDivisionError: one by none"),
        ("expected", "no engine here. Install one."),
    ],
)
def test_a_bad_end_is_told_in_a_line(folder: Path, how: str, error: str) -> None:
    assert ending(folder, "end", how=how) == Ending(None, error)


def test_a_child_that_takes_too_long_is_ended(folder: Path) -> None:
    found = ending(folder, "end", timeout=0.5, how="hang")
    assert found.error == "was ended after 0.5 s, its timeout; raise 'timeout' if it needs longer"


def test_a_step_module_that_cannot_be_imported_fails_its_step(folder: Path) -> None:
    assert ending(folder, "nonesuch").error == "raised ModuleNotFoundError: No module named 'nonesuch'"


def test_options_that_are_not_as_declared_fail_the_step(folder: Path) -> None:
    assert ending(folder, "write", texxt="hi").error.startswith("raised ValidationError: 1 validation error for With")


def test_after_stop_no_child_starts(folder: Path) -> None:
    children = Children()
    children.stop()
    with pytest.raises(KeyboardInterrupt):
        ending(folder, "write", children=children)


def test_no_child_is_remembered_after_its_end(folder: Path) -> None:
    children = Children()
    ending(folder, "write", children=children)
    assert children.running == set()


def test_progress_cut_short_by_a_crash_is_passed_over() -> None:
    told: list[object] = []
    lines = ['{"done": 1, "total": 2, "text": "a"}', '{"done": 2, "to', "{}", "[]", "null", "words"]
    _follow(lines, lambda *news: told.append(news))
    assert told == [(1, 2, "a")]


@pytest.mark.parametrize(
    ("text", "lines", "tail"),
    [
        (None, 3, ()),
        ("", 3, ()),
        ("a\nb\nc\nd\n\n", 3, ("b", "c", "d")),
        ("a\nb", 3, ("a", "b")),
        ("é" * 40000 + "\nlast\n", 1, ("last",)),
    ],
)
def test_the_tail_of_a_log_is_its_last_lines(
    tmp_path: Path, text: str | None, lines: int, tail: tuple[str, ...]
) -> None:
    log = tmp_path / "log"
    if text is not None:
        log.write_text(text, encoding="utf-8")
    assert log_tail(log, lines) == tail


@pytest.mark.parametrize(
    ("document", "table"),
    [
        (None, None),
        ({"columns": ["a", "b"], "rows": [[1, None], ["x", 2.5]], "title": "t"}, ((1, None), ("x", 2.5))),
    ],
)
def test_a_table_is_read_from_json(document: Any, table: Any) -> None:
    assert read_table(document) == (None if table is None else Table(("a", "b"), table, "t"))


@pytest.mark.parametrize(("number", "name"), [(11, "SIGSEGV"), (9, "SIGKILL"), (63, "signal 63")])
def test_a_signal_is_told_by_its_name(number: int, name: str) -> None:
    assert _signal_name(number) == name


@pytest.mark.parametrize(
    ("number", "stopped", "guessed"),
    [(signal.SIGKILL, False, True), (signal.SIGKILL, True, False), (signal.SIGSEGV, False, False)],
)
def test_memory_is_suspected_where_nobody_here_sent_the_kill(number: int, stopped: bool, guessed: bool) -> None:
    assert ("out of memory" in _guess(number, stopped)) == guessed

"""The child's side: what a task file leads to, in this process and in one of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from toyrun import TOYS

from trtflow.engine.worker import context, run_task

ROOT = Path(__file__).parents[2]


def task(folder: Path, step: str, **options: object) -> dict[str, Any]:
    """A task as the engine writes it."""
    (folder / "outputs").mkdir(exist_ok=True)
    return {
        "module": TOYS[step],
        "options": options,
        "folder": str(folder / "outputs"),
        "memo": str(folder / "memo"),
        "fresh": False,
        "base": {"uses": step},
        "digests": str(folder / "digests.sqlite"),
        "result": str(folder / "result.json"),
        "parent": os.getpid(),
    }


def test_a_task_runs_its_step(tmp_path: Path) -> None:
    report = io.StringIO()
    result = run_task(task(tmp_path, "write", text="hi"), report)
    assert (result.metrics, result.summary) == ({"length": 2}, "wrote hi")
    assert (tmp_path / "outputs" / "text.txt").read_text() == "hi"
    assert json.loads(report.getvalue()) == {"done": 1, "total": 1, "text": "written"}


@pytest.mark.parametrize("options", [{"txt": "hi"}, {"max-count": "2"}, {"max_count": 0}])
def test_options_are_checked_once_more_and_strictly(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        run_task(task(tmp_path, "write", **options), io.StringIO())


def test_a_step_that_returns_something_else_is_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toysteps.write.run", lambda options, context: {"length": 1})
    with pytest.raises(TypeError, match=r"toysteps\.write\.run returned dict, not Result"):
        run_task(task(tmp_path, "write"), io.StringIO())


def test_a_step_logs_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    context(task(tmp_path, "write"), io.StringIO()).log("a line")
    assert capsys.readouterr() == ("", "a line\n")


def test_a_digest_is_of_a_file_or_of_the_file_of_code(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text("def load(): pass\n")
    digest = context(task(tmp_path, "write"), io.StringIO()).digest
    assert digest(file) == digest(f"{file}:load")


@pytest.mark.parametrize(("fresh", "found"), [(False, {"x": 1}), (True, None)])
def test_evaluations_of_earlier_runs_are_found_unless_the_run_is_fresh(
    tmp_path: Path, fresh: bool, found: dict[str, int] | None
) -> None:
    context(task(tmp_path, "write"), io.StringIO()).memo.put({"a": 1}, {"x": 1})
    memo = context({**task(tmp_path, "write"), "fresh": fresh}, io.StringIO()).memo
    assert memo.get({"a": 1}) == found


def worked(folder: Path, document: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run a task in a worker of its own."""
    (folder / "task.json").write_text(json.dumps(document))
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support"), str(folder)])
    command = [sys.executable, "-m", "trtflow.engine.worker", str(folder / "task.json")]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_standard_output_is_progress_and_what_anyone_prints_goes_to_the_log(tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text(
        "import os\nfrom toysteps.write import *\nfrom toysteps import write\n"
        "def run(options, context):\n    print('by print', flush=True)\n    os.write(1, b'by C')\n"
        "    return write.run(options, context)\n"
    )
    document = {**task(tmp_path, "write"), "module": "chatty"}
    ended = worked(tmp_path, document)
    assert [json.loads(line)["text"] for line in ended.stdout.splitlines()] == ["written"]
    assert ended.stderr == "by print\nby Ca line of log\n"


@pytest.mark.parametrize(
    ("how", "status", "document"),
    [
        ("well", 0, {"result": {"metrics": {}, "accepted": True, "summary": "", "table": None, "last_word": []}}),
        ("gate", 0, {"result": {"metrics": {}, "accepted": False, "summary": "", "table": None, "last_word": []}}),
        ("expected", 1, {"error": "no engine here. Install one."}),
        ("raise", 1, {"error": "ZeroDivisionError: one by none", "unexpected": True}),
    ],
)
def test_a_worker_leaves_a_result_or_an_error(
    tmp_path: Path, how: str, status: int, document: dict[str, object]
) -> None:
    ended = worked(tmp_path, task(tmp_path, "end", how=how))
    assert (ended.returncode, json.loads((tmp_path / "result.json").read_text())) == (status, document)
    assert ("Traceback" in ended.stderr) == (how == "raise")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_worker_whose_parent_is_gone_does_nothing(tmp_path: Path) -> None:
    ended = worked(tmp_path, {**task(tmp_path, "end"), "parent": 1})
    assert (ended.returncode, (tmp_path / "result.json").exists()) == (1, False)

"""A case through the whole path in process: what is written as a project, what runs, and what is made of it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from conformance_cases import Case
from conformance_cli import _in_process, _tasks, report
from conformance_projects import LOWS, Project
from conformance_verdicts import Verdict, original_of
from conformance_workers import Worker
from graph_models import f32, info, model, node

from trtflow.engine.plan import make_plan

TASK = {"name": "a", "kind": "node", "low": "fp16", "command": False}


def case(op: str = "Mul", factor: float = 2.0) -> Case:
    proto = model([node(op, "x w", "y")], [info("x", [2, 2])], [info("y", [2, 2])], [f32("w", np.eye(2) * factor)])
    return Case("a", "node", proto, (np.asarray([[1.0, 2.0], [3.0, 4.1]], np.float32),))


@pytest.mark.parametrize(("op", "lows"), [("Mul", ("fp16", "bf16")), ("MatMul", ("fp16", "bf16", "int8"))])
def test_eight_bits_are_tried_where_a_worker_is(op: str, lows: tuple[str, ...]) -> None:
    assert Project("a", "node", case(op)).lows == lows


@pytest.mark.parametrize(
    ("lows", "share", "command", "expected"),
    [
        (LOWS, 1, 0, [("fp16", False), ("bf16", False), ("int8", False)] * 2),
        (("fp16",), 1, 1, [("fp16", True), ("fp16", False)]),
        (LOWS, 2, 0, [("fp16", False), ("int8", False), ("bf16", False)]),
    ],
    ids=["all", "one precision, one by the command", "every second run"],
)
def test_runs_are_chosen_by_precision_and_share(
    lows: tuple[str, ...], share: int, command: int, expected: list[tuple[str, bool]]
) -> None:
    runs = _tasks([Project(name, "node", case("MatMul")) for name in "ab"], lows, share, command)
    assert [(run["low"], run["command"]) for run in runs] == expected


@pytest.mark.parametrize("low", ["fp16", "bf16"])
def test_a_case_goes_the_whole_path_and_its_file_is_checked(tmp_path: Path, low: str) -> None:
    stages: list[str] = []
    config, workflow, overrides = Project("a", "node", case()).write(tmp_path, low)[0]
    assert _in_process(config, overrides, workflow, stages.append) == Verdict("right", "accepted")
    assert {"inspect", "compare", "diagnose", "bisect", "constrain", "rewrite", "build", "validate", "report"} <= {
        *stages
    }


def test_a_case_that_cannot_be_lowered_is_refused_by_the_rule_that_says_so(tmp_path: Path) -> None:
    config, workflow, overrides = Project("a", "node", case(factor=1e6)).write(tmp_path, "fp16")[0]
    found = _in_process(config, overrides, workflow, lambda stage: None)
    assert found == Verdict("refused", "a rule keeps every node high, and is told")


def test_a_refusal_is_held_against_the_model_that_was_read(tmp_path: Path) -> None:
    integers = info("x", [2], onnx.TensorProto.INT32), info("y", [2], onnx.TensorProto.INT32)
    proto = model([node("Add", "x x", "y")], integers[:1], integers[1:])
    given = Case("a", "node", proto, (np.asarray([1, 2], np.int32),))
    config, workflow, overrides = Project("a", "node", given).write(tmp_path, "fp16")[0]
    assert original_of(make_plan(config, overrides, workflow)) == tmp_path / "model.onnx"
    found = _in_process(config, overrides, workflow, lambda stage: None)
    assert found == Verdict("refused", "nothing in it can take the low precision")


def test_inputs_are_written_as_the_test_set_has_them(tmp_path: Path) -> None:
    Project("a", "node", case()).write(tmp_path, "fp16")
    files = json.loads((tmp_path / "inputs.json").read_text())
    read = {name: onnx.numpy_helper.to_array(onnx.load_tensor(tmp_path / file)) for name, file in files.items()}
    assert list(read) == ["x"]
    np.testing.assert_array_equal(read["x"], case().inputs[0])


def test_a_worker_that_dies_says_how_and_where(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(
        "import json, os\nprint(json.dumps({'ready': True}), flush=True)\ninput()\n"
        "print(json.dumps({'stage': 'build'}), flush=True)\nos.kill(os.getpid(), 11)\n"
    )
    with contextlib.closing(Worker(str(script))) as worker:
        assert worker.judge({"name": "a"}) == {"died": "SIGSEGV", "stage": "build"}


def test_a_worker_is_ended_where_a_stage_takes_too_long(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text("import time\nprint('{\"ready\": true}', flush=True)\ntime.sleep(60)\n")
    with contextlib.closing(Worker(str(script), limit=0.2)) as worker:
        assert worker.judge({"name": "a"}) == {"died": "timeout", "stage": ""}


@pytest.mark.parametrize(
    ("outcome", "status"), [("right", 0), ("refused", 0), ("wrong", 1), ("died", 1)], ids=lambda value: str(value)
)
def test_the_table_fails_where_something_is_unexplained(
    outcome: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report([TASK], [Verdict(outcome, "said of 'a' at 3.5")]) == status
    shown = capsys.readouterr().out
    assert "said of # at #  (a fp16)" in shown
    assert shown.splitlines()[-1] == f"total: 1 runs, {status} unexplained"

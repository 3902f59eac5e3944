"""A file is tried in a process of its own, which may crash, hang or refuse; what works is the first that does not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_models import i64, info, model, node, random
from onnx import TensorProto, numpy_helper

from trtflow.data import Feed
from trtflow.runners import trial
from trtflow.runners.trial import LADDER, try_file

HALF = TensorProto.FLOAT16
READ = "import json, sys; s = json.load(open(sys.argv[1] + '/task.json'))['setting']; "


def half(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(random(*shape, scale=0.3).astype(np.float16), name)


def gru_behind_transposes() -> onnx.ModelProto:
    """A GRU as PyTorch exports it with the batch first, in FP16, and the layer behind it."""
    nodes = [
        node("Transpose", "x", "sequence", perm=[1, 0, 2]),
        node("GRU", "sequence W R", "states", hidden_size=4),
        node("Squeeze", "states axis", "squeezed"),
        node("Transpose", "squeezed", "rows", perm=[1, 0, 2]),
        node("MatMul", "rows weights", "y"),
    ]
    constants = [half("W", 1, 12, 3), half("R", 1, 12, 4), half("weights", 4, 5), i64("axis", [1])]
    return model(nodes, [info("x", ["N", 6, 3], HALF)], [info("y", None, HALF)], constants)


def scatter_that_adds() -> onnx.ModelProto:
    scatter = node("ScatterElements", "x places updates", "y", reduction="add")
    constants = [i64("places", [[0, 0]]), half("updates", 1, 2)]
    return model([scatter], [info("x", [2, 2], HALF)], [info("y", [2, 2], HALF)], constants, opset=18)


def saved(proto: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(proto, folder / "mixed.onnx")
    return folder / "mixed.onnx"


def fake(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """What runs in the child instead; ``s`` is the setting."""
    monkeypatch.setattr(trial, "CHILD", (sys.executable, "-c", READ + code))


def ones(*shape: int) -> Feed:
    return {"x": np.ones(shape, np.float16)}


def test_a_file_that_runs_is_tried_once_and_gives_its_float_outputs(tmp_path: Path) -> None:
    nodes = [node("Neg", "x", "file"), node("Shape", "x", "shape")]
    outputs = [info("file", [2], HALF), info("shape", [1], TensorProto.INT64)]
    attempts, found = try_file(saved(model(nodes, [info("x", [2], HALF)], outputs), tmp_path), ones(2))
    assert attempts == LADDER[:1]
    assert {name: array.tolist() for name, array in found.items()} == {"file": [-1, -1]}


def test_a_gru_in_fp16_runs_at_some_level_and_never_takes_this_process_down(tmp_path: Path) -> None:
    attempts, found = try_file(saved(gru_behind_transposes(), tmp_path), ones(1, 6, 3))
    assert [bool(attempt.failed) for attempt in attempts] == [True] * (len(attempts) - 1) + [False]
    assert attempts[0].failed in ("", "crashes (SIGSEGV) on the file")
    assert found["y"].shape == (1, 6, 5)


def test_what_has_no_kernel_is_refused_at_every_level_in_onnx_runtimes_words(tmp_path: Path) -> None:
    attempts, found = try_file(saved(scatter_that_adds(), tmp_path), ones(2, 2))
    assert [attempt.model_copy(update={"failed": ""}) for attempt in attempts] == list(LADDER)
    assert all("not supported with ScatterElements" in attempt.failed for attempt in attempts)
    assert found == {}


def test_a_feed_that_numpy_has_no_type_for_is_not_run(tmp_path: Path) -> None:
    text = model([node("Identity", "x", "y")], [info("x", [1], 8)], [info("y", [1], 8)])
    assert try_file(saved(text, tmp_path), {"x": np.array(["a"], object)}) == (LADDER[:1], {})


@pytest.mark.parametrize(
    ("works", "count"),
    [("s['level'] == 'ORT_ENABLE_EXTENDED'", 2), ("s['disabled']", 3), ("s['level'] == 'ORT_DISABLE_ALL'", 4)],
)
def test_levels_are_tried_until_one_does_not_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: str, count: int
) -> None:
    fake(monkeypatch, f"import os; {works} or os.abort()")
    attempts, _ = try_file(tmp_path / "any.onnx", {})
    assert [attempt.failed for attempt in attempts] == ["crashes (SIGABRT) on the file"] * (count - 1) + [""]


@pytest.mark.parametrize(
    ("code", "failed"),
    [
        ("import os; os.kill(os.getpid(), 11)", "crashes (SIGSEGV) on the file"),
        ("import os; os.kill(os.getpid(), 9)", "crashes (SIGKILL) on the file"),
        ("raise SystemExit(3)", "refuses the file (status 3)"),
        ("raise SystemExit('[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : no Det')", "refuses the file (no Det)"),
        ("import time; time.sleep(60)", "does not end within 1 s"),
    ],
    ids=["SIGSEGV", "SIGKILL", "a status", "a message", "a hang"],
)
def test_the_end_of_the_child_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, failed: str
) -> None:
    fake(monkeypatch, code)
    monkeypatch.setattr(trial, "TIMEOUT", 1.0)
    monkeypatch.setattr(trial, "LADDER", LADDER[:1])
    attempts = try_file(tmp_path / "any.onnx", {})[0]
    assert [attempt.failed for attempt in attempts] == [failed]

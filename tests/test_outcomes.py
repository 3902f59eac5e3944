"""Every way in which a run can end: exit status, last line, metrics.json, report, lock and files say the same."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from graph_models import f32, info, model, node

from trtflow.yaml12 import dump

REPOSITORY = Path(__file__).parents[1]
TOYS = {"build": "toysteps.builds", "validate": "toysteps.judges"}
MAIN = f"import sys, trtflow.steps, trtflow.cli; trtflow.steps.STEPS.update({TOYS!r}); trtflow.cli.main()"
BUG = f"import trtflow.engine.commands as c; c.run_plan = lambda *a: 1 / 0; {MAIN}"
METRIC = """
def score(outputs, labels):
    return {"score": 0.95 if len(outputs) == 16 else 0.2}
"""
WITH = {"model": "mixed.onnx", "data": {"source": "samples.npz"}, "accept": {"sqnr": {"min": 20}}}
NAMED = {"names.csv", "mixed.names.csv"} if find_spec("tensorrt_rtx") else set()  # where a parser is
GOOD = {"constraints.yaml", "exports", "toy.mixed.onnx", "engine.plan", "layers.csv", "after.layers.csv"} | NAMED
SEEN = {"layers.csv", "after.layers.csv"}
OLD = {"constraints.yaml"}
SAYS = {"report.html", "metrics.json"}
EARLIER = "# of an earlier run"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of ``mixed``, ``up`` and ``down`` exceed FP16; of ``worthless``, every node does."""
    folder = tmp_path_factory.mktemp("project")
    ports = [info("x", ["N", 4])], [info("y", ["N", 4])]
    nodes = [node("Mul", "x thousand", "a", "up"), node("Mul", "a thousandth", "b", "down")]
    nodes += [node("Neg", "b", "c", "turn"), node("Add", "c one", "y", "add")]
    weights = [f32("thousand", 1000), f32("thousandth", 0.001), f32("one", 1)]
    onnx.save(model(nodes, *ports, weights), folder / "mixed.onnx")
    large = [node("Mul", "x thousand", "a", "up"), node("Neg", "a", "y", "turn")]
    onnx.save(model(large, *ports, weights[:1]), folder / "worthless.onnx")
    values = np.random.default_rng(0).uniform(60, 100, (16, 1, 4)).astype(np.float32)
    np.savez(folder / "samples.npz", x=values.reshape(16, 4))
    (folder / "metric.py").write_text(METRIC)
    return folder


@dataclass(frozen=True)
class Case:
    """What the config is given, what the toys are told, and what comes of it; no ``state``: nothing tells."""

    status: int
    state: str | None
    last: str
    files: set[str]
    given: Mapping[str, object] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    locks: bool = False
    main: str = MAIN


KEPT = "2 of 4 nodes stay in FP32; sqnr "
OWN = {"metric": "metric.py:score"}
IMPOSSIBLE = "no precision can meet it; lower the bound or use drop."
CASES = {
    "accepted": Case(0, "accepted", f"Accepted: {KEPT}", GOOD, locks=True),
    "not proven": Case(
        0,
        "not-proven",
        f"Accepted, not proven (16 samples): {KEPT}",
        GOOD,
        told={"TOY_VERDICT": "unproven"},
        locks=True,
    ),
    "not accepted": Case(
        3, "not-accepted", f"Not accepted: {KEPT}", GOOD, told={"TOY_VERDICT": "refused"}, locks=True
    ),
    "no plan": Case(
        3,
        "not-accepted",
        "Not accepted: even everything in fp32 is not accepted",
        SEEN,
        {**OWN, "accept": {"score": {"min": 0.5}}},
    ),
    "nothing gained": Case(
        3,
        "nothing-gained",
        "Nothing gained: FP16 holds for none of 2 nodes; sqnr -inf with everything in FP16 (at least 20, FP32 inf).",
        SEEN,
        {"model": "worthless.onnx"},
    ),
    "baseline missed": Case(
        3,
        "baseline-missed",
        f"Stopped at the baseline: accept.cosine.min is 1.5 and FP32 itself has 1: {IMPOSSIBLE}",
        {"layers.csv"},
        {"accept": {"cosine": {"min": 1.5}}},
    ),
    "baseline missed by a metric of the user's": Case(
        3,
        "baseline-missed",
        f"Stopped at the baseline: accept.score.min is 0.99 and FP32 itself has 0.95: {IMPOSSIBLE}",
        {"layers.csv"},
        {**OWN, "accept": {"score": {"min": 0.99}}},
    ),
    "step failed": Case(1, "failed", "Failed: compare: 'tensorrt' cannot run here", OLD, {"runner": "tensorrt"}),
    "the rewrite does not build": Case(
        1,
        "failed",
        "Failed: build: the rewrite broke it: the original builds and this does not. Please report this. toy does",
        OLD,
        told={"TOY_BUILDS": "original"},
    ),
    "the original does not build either": Case(
        0,
        "accepted",
        f"Accepted: {KEPT}",
        GOOD - {"engine.plan"},
        told={"TOY_BUILDS": "none"},
        notes=("not built here: the original does not build either: toy does not build it: no kernel.",),
        locks=True,
    ),
    "config error": Case(2, None, "1 problem found", OLD, {"acept": {}}),
    "bug": Case(70, None, "(it holds the command, versions and the trace).", OLD, main=BUG),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_all_that_tells_of_a_run_says_the_same(project: Path, tmp_path: Path, case: Case) -> None:
    config = project / f"{tmp_path.name}.yaml"
    config.write_text(dump({"trtflow": 1, "workflow": "debug-fp16", "with": {**WITH, **case.given}}))
    out = tmp_path / "out"
    out.mkdir()
    (out / "constraints.yaml").write_text(EARLIER)
    done = run(project, case, config.name, "--out", str(out))
    lines = (done.stdout if case.state else done.stderr).splitlines()
    assert (done.returncode, lines[-1][: len(case.last)]) == (case.status, case.last), done.stdout + done.stderr
    assert [line for line in lines if line.startswith("note: ")] == [f"note: {note}" for note in case.notes]
    left = {path.name.replace(config.stem, "toy") for path in out.iterdir()}
    assert left == case.files | (SAYS if case.state else set())
    assert config.with_suffix(".lock.yaml").exists() == case.locks
    if "constraints.yaml" in left:
        assert ((out / "constraints.yaml").read_text() == EARLIER) == (case.files == OLD)
    if case.state:
        told = json.loads((out / "metrics.json").read_text())
        assert (told["state"], told["accepted"], tuple(told["marks"])) == (case.state, case.status == 0, case.notes)
        assert told["sentence"] == lines[-1]
        page = html.unescape((out / "report.html").read_text())
        assert f"<h1>{lines[-1]}</h1>" in page
        assert f": {case.state.replace('-', ' ')} in FP16 (trtflow)</title>" in page
    if case.locks:
        steps = yaml.safe_load(config.with_suffix(".lock.yaml").read_text())["steps"]
        assert steps["report"]["accepted"] == (case.status == 0)
        assert steps["report"]["metrics"] == {"state": case.state, "marks": list(case.notes)}


def run(project: Path, case: Case, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests" / "support")])
    store = {"TRTFLOW_STORE": str(project / "store"), "TMPDIR": str(project)}
    return subprocess.run(
        [sys.executable, "-c", case.main, "run", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "100", **store, **case.told},
        capture_output=True,
        text=True,
        check=False,
    )

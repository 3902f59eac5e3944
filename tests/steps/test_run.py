"""The step dumps the layers that its options name, in the precision or the plan that they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stepping import overflowing_project, run_step

from trtflow.plan import PrecisionPlan, write_plan
from trtflow.steps import run


@pytest.mark.parametrize(
    ("options", "summary", "infinite"),
    [
        ({"precision": "fp16"}, "4 tensors in fp16", True),
        ({}, "4 tensors in fp32", False),
        ({"precision": "bf16", "tensors": ["a", "turn"]}, "2 tensors in bf16", False),
    ],
    ids=["everything in FP16", "in FP32 by default", "some of it in BF16"],
)
def test_layers_are_dumped_as_asked(tmp_path: Path, options: dict[str, Any], summary: str, infinite: bool) -> None:
    done = run_step(run, tmp_path / "run", **overflowing_project(tmp_path), **options, samples=3)
    index = json.loads((done.folder / "tensors" / "index.json").read_text())
    assert (done.result.summary, done.result.metrics) == (summary, {"tensors": len(index)})
    assert index["0"] == "a"
    assert bool(np.isinf(np.load(done.folder / "tensors" / "2" / "0.npy")).all()) is infinite
    assert not (done.folder / "results.json").exists()


def test_a_plan_overrides_the_precision(tmp_path: Path) -> None:
    write_plan(PrecisionPlan("fp16", {"up": "fp32"}), tmp_path / "plan.json")
    done = run_step(
        run, tmp_path / "run", **overflowing_project(tmp_path), plan=tmp_path / "plan.json", precision="bf16"
    )
    assert done.result.summary == "4 tensors in fp16"
    assert np.load(done.folder / "tensors" / "0" / "0.npy").ravel()[0] == np.float32(1.3) * np.float32(1000)


def test_run_results_are_written_on_request(tmp_path: Path) -> None:
    done = run_step(run, tmp_path / "run", **overflowing_project(tmp_path), tensors=["b"], results=True)
    assert (done.folder / "results.json").stat().st_size > 100

"""The step hands its options to the search and writes the plan, better ones at once, and the search's document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from pydantic import ValidationError
from stepping import overflowing_project, run_step

from trtflow.engine.plan import make_plan
from trtflow.errors import ConfigError, PlanError
from trtflow.files.document import read_document, write_document
from trtflow.files.search import SearchDocument
from trtflow.model.load import load
from trtflow.plan import read_plan
from trtflow.runners.registry import BACKENDS
from trtflow.steps import bisect, validate
from trtflow.steps.contract import StepModule
from trtflow.steps.given import open_data
from trtflow.steps.options import Data
from trtflow.tasks import bisection
from trtflow.tasks.compare import compare


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    return {**overflowing_project(tmp_path), "baselines": (), "held-out": 0}


def test_plan_and_document_say_the_same(given: dict[str, Any], tmp_path: Path) -> None:
    done = run_step(bisect, tmp_path / "bisect", **given)
    plan = read_plan(done.folder / "plan.json")
    found = read_document(SearchDocument, done.folder / "search.json")
    assert set(plan.nodes) == {*found.kept}
    assert {*found.kept} - {*found.merged} == {"up", "down"}
    assert (found.data, found.samples) == ("samples.npz", 4)


def test_the_summary_and_the_figures_are_those_of_the_document(given: dict[str, Any], tmp_path: Path) -> None:
    done = run_step(bisect, tmp_path / "bisect", **given)
    found = read_document(SearchDocument, done.folder / "search.json")
    assert done.result.summary == f"{found.reason} ({found.effort})"
    assert done.result.metrics == {
        "kept": len(found.kept), "cost-share": found.cost, "evaluations": found.measured,
        "probes": found.probes, "minimal": found.minimal,
    }  # fmt: skip
    assert done.result.accepted is None, "the gate is validate's"
    assert done.result.table is not None
    assert [row[0] for row in done.result.table.rows] == list(found.kept)


def test_nothing_kept_is_no_table(given: dict[str, Any], tmp_path: Path) -> None:
    done = run_step(bisect, tmp_path / "bisect", **{**given, "low": "bf16", "accept": {"sqnr": {"min": 20}}})
    assert (done.result.table, done.result.metrics["kept"]) == (None, 0)


OPTIONS = {
    "held-out": ({"held-out": 0.25}, lambda found: found.held_out == 1),
    "baselines": ({"baselines": ["linear"]}, lambda found: [entry.name for entry in found.baselines] == ["linear"]),
    "pareto": ({"pareto": 2}, lambda found: len(found.front) > 0),
    "strategy": ({"strategy": "linear"}, lambda found: found.strategy == "linear"),
    "max-evaluations": ({"max-evaluations": 1}, lambda found: found.reason.startswith("the budget ended")),
    "limit": ({"data": {"limit": 2}}, lambda found: (found.samples, found.kept) == (2, ())),
}


@pytest.mark.parametrize(("options", "holds"), OPTIONS.values(), ids=OPTIONS)
def test_each_option_reaches_the_search(
    given: dict[str, Any], tmp_path: Path, options: dict[str, Any], holds: Any
) -> None:
    merged = {**given, **options, "data": {**given["data"], **options.get("data", {})}}
    done = run_step(bisect, tmp_path / "bisect", **merged)
    assert holds(read_document(SearchDocument, done.folder / "search.json"))


@pytest.mark.parametrize(("wanted", "gate"), [("shown", False), ("any", None)])
def test_infinities_that_may_do_harm_fail_the_gate_unless_any_is_accepted(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, gate: bool | None
) -> None:
    monkeypatch.setattr(bisection, "LOOKS", 1)
    lenient = {"accept": {"cosine": {"min": -1}}, "saturation": wanted}  # infinite outputs pass
    done = run_step(bisect, tmp_path / "bisect", **{**given, **lenient})
    assert (done.result.accepted, done.result.metrics["kept"]) == (gate, 0)
    assert ("saturation: any" in done.result.summary) == (gate is False)


def test_statistics_of_compare_lead_the_search(given: dict[str, Any], tmp_path: Path) -> None:
    model = load(given["model"]).model
    write_document(compare(model, open_data(Data(**given["data"]), model)), tmp_path / "statistics.json")
    first = run_step(bisect, tmp_path / "blind", **given)
    second = run_step(bisect, tmp_path / "told", **given, priors=tmp_path / "statistics.json")
    assert read_plan(second.folder / "plan.json") == read_plan(first.folder / "plan.json")
    assert len(second.told) <= len(first.told)


def test_with_the_same_memo_nothing_is_measured_twice(given: dict[str, Any], tmp_path: Path) -> None:
    first = run_step(bisect, tmp_path / "first", **given)
    again = run_step(bisect, tmp_path / "again", first.memo, **given)
    assert any("(reused)" in line for line in again.lines)
    assert not any(line.endswith(" s)") for line in again.lines)


def test_the_metric_and_the_samples_are_part_of_what_a_measurement_depends_on(
    given: dict[str, Any], tmp_path: Path
) -> None:
    code = tmp_path / "own.py"
    code.write_text(
        "def height(outputs, labels):\n    return {'height': max(float(abs(o['y']).max()) for o in outputs)}\n"
    )
    own = {**given, "metric": f"{code}:height", "accept": {"height": {"max": 100}}}
    done = run_step(bisect, tmp_path / "bisect", **own)
    assert {Path(name).name for name in done.asked} == {"model.onnx", "samples.npz", "own.py:height"}
    found = read_document(SearchDocument, done.folder / "search.json")
    assert found.metrics["reference"]["height"] == pytest.approx(71.9)


def test_an_unknown_strategy_is_refused(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="there is no strategy 'nearest'"):
        run_step(bisect, tmp_path / "bisect", **given, strategy="nearest")


@pytest.mark.parametrize(
    "options", [{"held-out": 1.0}, {"max-builds": 1}, {"low": "int8"}, {"pareto": -1}, {"tries": 3}]
)
def test_options_that_make_no_sense_are_refused_before_anything_runs(
    given: dict[str, Any], options: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        bisect.With.model_validate({**given, **options})


CONFIG = """
trtflow: 1
workflow: {workflow}
with: {{model: model.onnx, data: {{source: samples.npz}}, runner: {runner}}}
"""


@pytest.fixture
def project(tmp_path: Path, overflowing: onnx.ModelProto) -> Path:
    """A model and its samples."""
    onnx.save(overflowing, tmp_path / "model.onnx")
    np.savez(tmp_path / "samples.npz", x=np.ones((4, 4), np.float32))
    return tmp_path


@pytest.mark.parametrize("workflow", ["debug-fp16", "debug-int8"])
@pytest.mark.parametrize("runner", ["emulated", "cuda", "tensorrt", "tensorrt-rtx"])
def test_the_runner_of_a_run_searches_and_judges_and_its_facts_are_in_their_keys(
    runner: str, workflow: str, project: Path
) -> None:
    (project / "c.yaml").write_text(CONFIG.format(workflow=workflow, runner=runner))
    steps = make_plan(project / "c.yaml").steps
    asked = {"bisect", "validate"} | ({"compare"} if workflow == "debug-fp16" else set())
    for name in asked:
        assert runner in (steps[name].options["runner"], steps[name].options.get("beside"))
    told = {name for name, step in steps.items() if {*BACKENDS[runner].facts} <= {*step.environment}}
    assert asked <= told
    assert ("after" in told) == (runner == "emulated" and "after" in steps)
    assert set(steps["bisect"].environment) == {"onnxruntime", *BACKENDS[runner].facts}


def test_an_engines_facts_are_its_version_the_gpu_and_the_driver() -> None:
    assert {"gpu", "driver", "tensorrt"} == set(BACKENDS["tensorrt"].facts)
    assert {"gpu", "driver", "tensorrt-rtx"} == set(BACKENDS["tensorrt-rtx"].facts)
    assert {"gpu", "driver", "onnxruntime", "onnxruntime-gpu", "cudnn", "cublas"} <= set(BACKENDS["cuda"].facts)


@pytest.mark.parametrize("step", [bisect, validate])
def test_the_emulator_decides_where_nothing_is_said(step: StepModule) -> None:
    assert step.With.model_fields["runner"].default == "emulated"


@pytest.mark.parametrize("key", ["oracle", "engine"])
def test_options_that_are_one_now_say_so_at_their_place(key: str, project: Path) -> None:
    written = f"{CONFIG.format(workflow='debug-fp16', runner='cuda')}steps: {{bisect: {{with: {{{key}: cuda}}}}}}\n"
    (project / "c.yaml").write_text(written)
    with pytest.raises(ConfigError, match=f"unknown key '{key}'") as error:
        make_plan(project / "c.yaml")
    assert "oracle and engine are `runner` now" in str(error.value)
    assert "c.yaml:5:" in str(error.value)


def test_a_runner_of_the_users_own_decides_and_its_code_is_part_of_what_is_remembered(
    given: dict[str, Any], tmp_path: Path
) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import onnx\nfrom trtflow.runners.emulated import TypedRunner\n\n"
        "def load_runner(path):\n    return TypedRunner(onnx.load(path))\n",
        encoding="utf-8",
    )
    own = {**given, "runner": "polygraphy-script", "script": str(script)}
    found = read_document(SearchDocument, run_step(bisect, tmp_path / "bisect", **own).folder / "search.json")
    assert {"up", "down"} <= {*found.kept}
    assert found.made_by["runner"] == "polygraphy-script"
    assert "polygraphy" in found.made_by

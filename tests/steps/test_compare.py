"""The step compares the candidates that its options name, and shows the layers that deviate most."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from fake_engines import FakeEngine, install
from stepping import overflowing_project, run_step

from trtflow.files.document import read_document
from trtflow.files.scales import Scales, TensorScale, write_scales
from trtflow.files.statistics import Statistics
from trtflow.plan import PrecisionPlan, write_plan
from trtflow.runners.registry import BACKENDS
from trtflow.steps import compare


def test_what_fp16_breaks_is_shown_and_written(tmp_path: Path) -> None:
    done = run_step(compare, tmp_path / "compare", **overflowing_project(tmp_path))
    found = read_document(Statistics, done.folder / "statistics.json")
    assert (list(found.candidates), found.samples, found.rounding) == (["fp16"], 4, "tensor")
    assert done.result.table is not None
    assert {row[0] for row in done.result.table.rows} == {"up", "down", "add", "turn"}
    rows = list(csv.DictReader((done.folder / "layers.csv").read_text().splitlines()))
    assert [(row["candidate"], row["layer"]) for row in rows] == [("fp16", n) for n in ("up", "down", "add", "turn")]


def test_a_plan_overrides_a_precision_and_the_names_are_the_users(tmp_path: Path) -> None:
    write_plan(PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"}), tmp_path / "plan.json")
    candidates = {"mixed": {"plan": tmp_path / "plan.json"}, "brain": {"precision": "bf16"}}
    done = run_step(compare, tmp_path / "compare", **overflowing_project(tmp_path), candidates=candidates, samples=2)
    found = read_document(Statistics, done.folder / "statistics.json")
    assert (list(found.candidates), found.samples) == (["mixed", "brain"], 2)
    assert done.result.table is None, "nothing deviates by a tenth in the first candidate"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ["fp16"]),
        ({"low": "bf16"}, ["bf16"]),
        ({"low": "bf16", "candidates": {"half": {}}}, ["bf16", "half"]),
        ({"candidates": {"half": {}}}, ["half"]),
    ],
)
def test_the_low_precision_is_a_candidate_of_its_own_name_and_fp16_where_none_is_named(
    tmp_path: Path, given: dict[str, object], names: list[str]
) -> None:
    done = run_step(compare, tmp_path / "compare", **overflowing_project(tmp_path), **given)
    assert list(read_document(Statistics, done.folder / "statistics.json").candidates) == names


def test_scales_are_read_for_candidates_in_eight_bits(tmp_path: Path) -> None:
    write_scales(
        Scales(method="minmax", samples=1, tensors={"x": TensorScale(amax=80.0, method="minmax")}),
        tmp_path / "s.yaml",
    )
    candidates = {"int8": {"precision": "int8", "scales": tmp_path / "s.yaml"}}
    done = run_step(compare, tmp_path / "compare", **overflowing_project(tmp_path), candidates=candidates)
    assert list(read_document(Statistics, done.folder / "statistics.json").candidates) == ["int8"]


@pytest.mark.parametrize("candidates", [{"fp16": {"precision": "fp64"}}, {"fp16": {"runner": "tensorflow"}}])
def test_candidates_that_there_are_not_are_refused(tmp_path: Path, candidates: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="candidates"):
        compare.With.model_validate({**overflowing_project(tmp_path), "candidates": candidates})


def test_the_low_candidate_and_the_reference_run_where_the_options_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, FakeEngine())
    given = {"low": "fp16", "runner": "cuda", "reference": {"runner": "cuda"}, "candidates": {"half": {}}}
    done = run_step(compare, tmp_path / "compare", **overflowing_project(tmp_path), **given)
    found = read_document(Statistics, done.folder / "statistics.json")
    assert found.runners == {"reference": "cuda", "fp16": "cuda"}
    assert "marks change reference's outputs by 0, fp16's outputs by 0 (relative RMS)" in done.result.summary
    facts = compare.depends(compare.With.model_validate({**overflowing_project(tmp_path), **given}))
    assert set(facts) == {*BACKENDS["cuda"].facts, "onnxruntime"}


def test_the_summary_of_an_emulated_comparison_knows_no_marks(tmp_path: Path) -> None:
    done = run_step(compare, tmp_path / "compare", **overflowing_project(tmp_path))
    assert "marks" not in done.result.summary
    assert compare.depends(compare.With.model_validate(overflowing_project(tmp_path))) == ("onnxruntime",)


@pytest.mark.parametrize(
    ("low", "names"), [(None, ["fp16", "cuda-fp32", "cuda-fp16"]), ("bf16", ["bf16", "cuda-fp32", "cuda-bf16"])]
)
def test_an_engine_stands_beside_what_is_emulated_and_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, low: str | None, names: list[str]
) -> None:
    install(monkeypatch, FakeEngine())
    given = {"beside": "cuda", **({"low": low} if low else {})}
    done = run_step(compare, tmp_path / "compare", **overflowing_project(tmp_path), **given)
    found = read_document(Statistics, done.folder / "statistics.json")
    alone = run_step(compare, tmp_path / "alone", **overflowing_project(tmp_path), **({"low": low} if low else {}))
    assert [*found.candidates] == names
    assert found.runners == dict.fromkeys(names[1:], "cuda")
    assert found.first == read_document(Statistics, alone.folder / "statistics.json").first
    assert {*found.mechanisms[names[1]].values()} == {"typed"}
    facts = compare.depends(compare.With.model_validate({**overflowing_project(tmp_path), **given}))
    assert set(facts) == {*BACKENDS["cuda"].facts, "onnxruntime"}

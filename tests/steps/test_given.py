"""What options name is opened, and every record of a step depends on what decides it."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from dict_memo import DictMemo
from stepping import overflowing_project

from trtflow.files.scales import Scales, TensorScale, write_scales
from trtflow.plan import PrecisionPlan, write_plan
from trtflow.runners.quantized import Ranges
from trtflow.steps.contract import Context
from trtflow.steps.given import given_plan, given_ranges, hooks, judged_by, open_data, user_metric
from trtflow.steps.options import Data, Judged


@pytest.mark.parametrize(
    ("own", "asked", "count"), [(None, None, 4), (2, None, 2), (None, 3, 3), (2, 3, 2), (3, 2, 2)]
)
def test_the_smaller_of_two_limits_holds(tmp_path: Path, own: int | None, asked: int | None, count: int) -> None:
    given = overflowing_project(tmp_path)
    data = Data(**given["data"], limit=own)
    assert len(list(open_data(data, onnx.load(given["model"]), asked))) == count


def test_a_file_that_is_not_named_is_left_to_what_stands_in_for_it(tmp_path: Path) -> None:
    plan, other = PrecisionPlan("fp16", {"up": "fp32"}), PrecisionPlan("bf16")
    write_plan(plan, tmp_path / "plan.json")
    assert (given_plan(tmp_path / "plan.json", other), given_plan(None, other)) == (plan, other)
    write_scales(
        Scales(method="mse", samples=1, tensors={"x": TensorScale(amax=2.0, method="mse")}), tmp_path / "s.yaml"
    )
    assert given_ranges(tmp_path / "s.yaml", None) == Ranges({"x": 2.0}, ())
    assert given_ranges(None, None) == Ranges({}, ())


def test_a_metric_is_the_users_function_or_none(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def one(outputs, labels):\n    return {'one': 1.0}\n")
    metric = user_metric(Judged(metric=f"{tmp_path / 'own.py'}:one", accept={"one": {"min": 1}}))
    assert metric is not None
    assert metric([], []) == {"one": 1.0}
    assert user_metric(Judged()) is None


def context(folder: Path, memo: DictMemo) -> Context:
    return Context(folder, memo, lambda *_: None, lambda _: None, lambda path: f"digest of {Path(path).name}")


def test_records_are_found_again_only_for_the_same_material(tmp_path: Path) -> None:
    memo = DictMemo()
    first, other = (hooks(context(tmp_path, memo), model=digest).memo for digest in ("11", "22"))
    assert first is not None
    assert other is not None
    first.put({"plan": 1}, {"sqnr": 30.0})
    assert first.get({"plan": 1}) == {"sqnr": 30.0}
    assert (other.get({"plan": 1}), first.get({"plan": 2})) == (None, None)


@pytest.mark.parametrize("metric", [None, "own.py:one"])
def test_an_evaluation_depends_on_its_samples_labels_and_metric(tmp_path: Path, metric: str | None) -> None:
    options = Judged() if metric is None else Judged(metric=metric, accept={"one": {"min": 1}})
    data = Data(source="samples.npz", labels="marks", limit=3)
    assert judged_by(options, data, context(tmp_path, DictMemo())) == {
        "data": "digest of samples.npz", "labels": "marks", "limit": 3,
        "metric": None if metric is None else "digest of own.py:one",
        "custom-ops": [],
    }  # fmt: skip

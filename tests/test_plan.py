"""Plans are equal when they decide the same, and survive the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from trtflow.errors import PlanError
from trtflow.plan import PrecisionPlan, read_plan, write_plan


def test_naming_the_default_changes_nothing() -> None:
    assert PrecisionPlan("fp16", {"a": "fp16", "b": "fp32"}) == PrecisionPlan("fp16", {"b": "fp32"})


def test_the_order_of_nodes_does_not_matter() -> None:
    plans = (PrecisionPlan("fp16", {"a": "fp32", "b": "bf16"}), PrecisionPlan("fp16", {"b": "bf16", "a": "fp32"}))
    assert plans[0].document() == plans[1].document()


def test_assign_leaves_the_original_alone() -> None:
    plan = PrecisionPlan("fp16")
    assert plan.assign(["a"], "fp32").precision("a") == "fp32"
    assert plan.precision("a") == "fp16"


def test_a_plan_survives_the_disk(tmp_path: Path) -> None:
    plan = PrecisionPlan("fp16", {"/down0/Conv": "fp32"})
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not a precision plan"), ('{"nodes": {}}', "default"), ('{"default": "fp15", "nodes": {}}', "fp15")],
)
def test_a_broken_plan_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(PlanError, match=message):
        read_plan(tmp_path / "plan.json")


def test_what_is_kept_is_what_differs_without_being_quantized() -> None:
    plan = PrecisionPlan("fp16", {"b": "fp32", "a": "bf16", "c": "int8", "d": "fp8", "e": "fp16"})
    assert plan.kept == ("a", "b")
    assert PrecisionPlan("fp32", {"a": "int8"}).kept == ()

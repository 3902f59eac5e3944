from __future__ import annotations

import pytest
from graph_models import f32, i64, info, model, node

from trtflow.errors import PlanError
from trtflow.model.analysis import analyse
from trtflow.model.assignment import Edges, edges
from trtflow.plan import Precision, PrecisionPlan

NODES = [node("Add", "x w", "a"), node("Gather", "a i", "g"), node("Neg", "g", "y")]
NET = model(NODES, [info("x", [4])], [info("y", None)], [f32("w", [1]), i64("i", [0, 2])])


@pytest.mark.parametrize("low", ["fp16", "bf16"])
def test_float_slots_of_low_nodes_are_low_and_indices_are_not(low: Precision) -> None:
    assert edges(analyse(NET), PrecisionPlan(low)) == Edges(
        inputs={"n_a": {0: low, 1: low}, "n_g": {0: low}, "n_y": {0: low}},
        outputs={"n_a": {0: low}, "n_g": {0: low}, "n_y": {0: low}},
        produced={("", "a"): low, ("", "g"): low, ("", "y"): low},
    )


def test_nodes_in_fp32_have_no_entry_and_a_plan_may_mix_formats() -> None:
    found = edges(analyse(NET), PrecisionPlan("fp32", {"n_a": "bf16", "n_y": "fp16"}))
    assert found.inputs == {"n_a": {0: "bf16", 1: "bf16"}, "n_y": {0: "fp16"}}
    assert [found.format(("", name)) for name in ("a", "g", "y", "x")] == ["bf16", "fp32", "fp16", "fp32"]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (PrecisionPlan("fp16", {"n_b": "fp32"}), "'n_b', which the model does not have; did you mean 'n_"),
        (PrecisionPlan("fp16", {"else": "fp32"}), "'else', which the model does not have$"),
        (PrecisionPlan("fp16", {"n_a": "int8"}), "takes fp32, fp16 and bf16, not int8"),
        (PrecisionPlan("fp8"), "takes fp32, fp16 and bf16, not fp8"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(plan: PrecisionPlan, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        edges(analyse(NET), plan)

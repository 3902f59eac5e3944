from __future__ import annotations

import pytest

from trtflow.plan import PrecisionPlan
from trtflow.search.joint import joint
from trtflow.search.oracle import Outcome
from trtflow.search.run import search

BASE = PrecisionPlan("fp16", {"loud": "fp32", "b": "fp32"})
UNITS = [("a",), ("b",), ("c", "add"), ("d",)]
SHARES = {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1, "add": 0.0}


class Additive:
    """Each quantized node adds its error; 1 is too much."""

    def __init__(self, errors: dict[str, float]) -> None:
        self.errors = errors
        self.plans: list[PrecisionPlan] = []

    def evaluate(self, plan: PrecisionPlan) -> Outcome:
        self.plans.append(plan)
        error = sum(self.errors[node] for node, precision in plan.nodes.items() if precision == "int8")
        return Outcome(error <= 1, 1 - error, error)

    probe = evaluate


def test_a_decision_lowers_nodes_on_top_of_the_base_plan() -> None:
    found = joint(BASE, UNITS, SHARES)
    assert found.plan(PrecisionPlan("int8", {"b": "fp32", "d": "fp32"})) == PrecisionPlan(
        "fp16", {"loud": "fp32", "b": "fp32", "a": "int8", "c": "int8", "add": "int8"}
    )


@pytest.mark.parametrize(
    ("errors", "quantized"),
    [
        ({"a": 0.1, "b": 0.1, "c": 0.1, "d": 0.1, "add": 0.0}, {"a", "b", "c", "d", "add"}),
        ({"a": 0.1, "b": 5.0, "c": 0.1, "d": 0.1, "add": 0.0}, {"a", "c", "d", "add"}),
        ({"a": 0.1, "b": 0.1, "c": 0.1, "d": 0.1, "add": 5.0}, {"a", "b", "c", "d"}),
        ({"a": 0.6, "b": 0.6, "c": 0.3, "d": 0.1, "add": 0.0}, {"a", "c", "d", "add"}),  # diffuse: the dearest stay
    ],
)
def test_the_search_quantizes_as_much_as_the_error_allows(errors: dict[str, float], quantized: set[str]) -> None:
    found, oracle = joint(BASE, UNITS, SHARES), Additive(errors)
    result = search(found.problem, found.oracle(oracle))
    plan = found.plan(result.plan)
    assert {node for node, precision in plan.nodes.items() if precision == "int8"} == quantized
    assert plan.precision("loud") == "fp32"
    assert all(asked.default == "fp16" and asked.precision("loud") == "fp32" for asked in oracle.plans)

"""The baselines do what their tools do, weaknesses included."""

from __future__ import annotations

import pytest
from simulated_oracle import Simulated, chain, names

from trtflow.search.run import search


@pytest.mark.parametrize(
    ("strategy", "kept", "evaluations"),
    [
        ("bisect", 91, 8),
        ("bisect-reverse", 111, 8),
        ("linear", 91, 92),
        ("linear-reverse", 111, 112),
        ("revert-one", 91, 214),
        ("alone-low-binary", 2, 130),
        ("ddmin", 2, 70),
    ],
)
def test_two_overflows_in_121_nodes(strategy: str, kept: int, evaluations: int) -> None:
    problem = chain(121)
    result = search(problem, Simulated(problem, [names(10), names(90)]), strategy=strategy)
    assert len(result.plan.nodes) == kept
    assert len(result.evaluations) <= evaluations + 1

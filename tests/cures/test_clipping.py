"""Weight clipping on disk and in the graph."""

from __future__ import annotations

import pytest
from cure_host import ABOUT, host
from spread_model import spread_model

from trtflow.cures.base import Adjustment
from trtflow.cures.clipping import Clipping


@pytest.mark.parametrize(
    ("axis", "count", "expected"),
    [
        (1, 16, ""),
        (None, 1, ""),
        (1, 1, "weight clipping: up has 16 channels, the decision 1"),
        (None, 16, "weight clipping: up has 1 channels, the decision 16"),
    ],
)
def test_there_is_a_share_for_each_step_of_the_weights(axis: int | None, count: int, expected: str) -> None:
    cure = Clipping(subject="up", shares=(0.9,) * count, **ABOUT)
    assert cure.misfit(host(spread_model(1.0), up=axis)) == expected


def test_a_node_without_constant_weights_is_told() -> None:
    cure = Clipping(subject="down", shares=(0.9,), **ABOUT)
    assert "no constant weights" in cure.misfit(host(spread_model(1.0), up=1))


def test_it_says_where_the_largest_code_is_and_keeps_the_bias() -> None:
    cure = Clipping(subject="up", shares=(0.5, 0.75), **ABOUT)
    assert cure.adjust(Adjustment(bias=(1.0, 2.0))) == Adjustment((0.5, 0.75), (1.0, 2.0))

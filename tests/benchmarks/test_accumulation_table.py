"""Shares of equal elements, and their table."""

from __future__ import annotations

import numpy as np
import pytest
from accumulation_table import Compared, same, share, summary


def test_a_nan_is_a_nan_and_zeros_have_no_sign() -> None:
    one, other = (np.float32([1, np.nan, 0, np.inf, *more]) for more in ((np.nan, 2), (2, 3)))
    assert same(one, -other * [-1, 1, 1, -1, -1, -1]).tolist() == [True, True, True, True, False, False]


@pytest.mark.parametrize(("mask", "said"), [([], ""), ([True, True], "100.00 %"), ([True, False, False], "33.33 %")])
def test_a_share_is_of_something(mask: list[bool], said: str) -> None:
    assert share(np.array(mask, bool)) == said


def test_the_summary_counts_elements_by_kernel_and_the_graph_by_depth() -> None:
    whole, half, none = (np.array(mask, bool) for mask in ([1, 1], [1, 0], []))
    found = [
        Compared("a", 16, whole, whole, 0),
        Compared("a", 256, half, half, 0),
        Compared("a", 257, whole, half, 0),
        Compared("b", 4096, whole, none, 0),
    ]
    assert summary(found).splitlines() == [
        "| kernel | products | elements | not the rule's | K ≤ 256 | K ≤ 1024 | K ≤ 4096 |",
        "|---|---|---|---|---|---|---|",
        "| a | 3 | 6 | 1 | 75.00 % | 50.00 % |  |",
        "| b | 1 | 2 | 0 |  |  |  |",
    ]

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trtflow.runners.part_names import part_names


@pytest.mark.parametrize(
    ("labels", "makers", "expected"),
    [
        ([[[0, 0, 1]]], [["a"], ["b"]], ("y (0-1 of axis 1, from a)", "y (2 of axis 1, from b)")),
        ([[[0], [1]]], [[], []], ("y (0 of axis 0)", "y (1 of axis 0)")),
        ([[[0, 1, 0, 1, 0]]], [[], []], ("y (0, 2 and 1 more of axis 1)", "y (1, 3 of axis 1)")),
        ([[[0, 1], [1, 0]]], [["a"], ["b"]], ("y (from a)", "y (from b)")),
        ([[[0, 1]], [[0, 0, 1, 1]]], [["a"], ["b"]], ("y (from a)", "y (from b)")),
        (
            [[[0, 1]]],
            [["a", "b", "c", "d"], ["e"]],
            ("y (0 of axis 1, from a, b and 2 more)", "y (1 of axis 1, from e)"),
        ),
    ],
)
def test_a_part_is_called_by_where_it_lies_and_who_made_it(
    labels: Any, makers: list[list[str]], expected: tuple[str, ...]
) -> None:
    assert part_names("y", [np.array(found, np.uint8) for found in labels], makers) == expected

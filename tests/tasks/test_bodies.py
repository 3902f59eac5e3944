"""What is said of bodies that nobody looked into."""

from __future__ import annotations

import pytest

from trtflow.files.statistics import Statistics
from trtflow.tasks.bodies import bodies_mark
from trtflow.tasks.documents import Documents

AFTER = "in bodies of control flow"


@pytest.mark.parametrize(
    ("unseen", "expected"),
    [
        ((), []),
        (("a",), [f"1 node {AFTER} is searched, but not looked into: a"]),
        (tuple("abcd"), [f"4 nodes {AFTER} are searched, but not looked into: a, b, c and 1 more"]),
    ],
)
def test_nodes_that_were_not_looked_into_are_counted(unseen: tuple[str, ...], expected: list[str]) -> None:
    found = Statistics(samples=1, rounding="tensor", layers=(), unseen=unseen)
    assert list(bodies_mark(Documents(statistics=found))) == expected


def test_where_nothing_was_compared_nothing_is_said() -> None:
    assert list(bodies_mark(Documents())) == []

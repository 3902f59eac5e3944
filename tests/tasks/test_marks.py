"""What a reader must know is told in the order of its sources."""

from __future__ import annotations

import pytest

from trtflow.files.data_facts import DataFacts
from trtflow.tasks.documents import Documents
from trtflow.tasks.marks import data_marks, marks

FACTS = DataFacts(source="eval.npz", samples=1, distinct=1, marks=("R18: 1 sample", "R17: noise"))


def test_every_mark_ends_in_one_full_stop() -> None:
    facts = FACTS.model_copy(update={"marks": ("R18: 1 sample", "R17: noise.")})
    assert marks(Documents(data=facts)) == ("R18: 1 sample.", "R17: noise.")


@pytest.mark.parametrize(("data", "expected"), [(FACTS, FACTS.marks), (None, ())], ids=["checked", "not checked"])
def test_the_warnings_of_the_data_are_marks(data: DataFacts | None, expected: tuple[str, ...]) -> None:
    assert tuple(data_marks(Documents(data=data))) == expected

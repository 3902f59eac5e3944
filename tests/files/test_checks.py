"""A check is written as it is, so that the report can read it."""

from __future__ import annotations

import json

import pytest

from trtflow.files.checks import Check


@pytest.mark.parametrize("evidence", [{}, {"foreign": ["a"], "ratio": 2.5}])
def test_a_document_holds_all_that_makes_the_check(evidence: dict[str, object]) -> None:
    check = Check("R23", "names", "refuse", "it was made for another model", evidence)
    assert Check(**json.loads(json.dumps(check.document()))) == check

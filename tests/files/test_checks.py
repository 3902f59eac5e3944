"""Checks are written as they are, so that the report can read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from trtflow.errors import PlanError
from trtflow.files.checks import Check, read_checks, write_checks


@pytest.mark.parametrize("evidence", [{}, {"foreign": ["a"], "ratio": 2.5}])
def test_what_was_written_is_read(tmp_path: Path, evidence: dict[str, object]) -> None:
    checks = (Check("R23", "names", "refuse", "it was made for another model", evidence),)
    write_checks(checks, tmp_path / "checks.json")
    assert read_checks(tmp_path / "checks.json") == checks


@pytest.mark.parametrize("text", ["", "{}", '[{"code": "R23"}]', '[{"code": 1}]'])
def test_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "checks.json").write_text(text)
    with pytest.raises(PlanError, match=r"checks.json cannot be read as list of Check"):
        read_checks(tmp_path / "checks.json")

"""The catalogue of reasons: each code once, each with a title of a few words and advice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import trtflow
from trtflow.diagnosis.reasons import REASONS

PACKAGE = Path(trtflow.__file__).parent
SOURCES = [path for path in PACKAGE.rglob("*.py") if path.name != "reasons.py"]
WITHOUT_A_RULE = {"R08", "R10", "R11", "R24"}  # users meet them in issue threads; nothing here finds them yet


def written() -> set[str]:
    """The codes that stand in the sources as strings."""
    return {code for path in SOURCES for code in re.findall(r'"(R\d\d)"', path.read_text(encoding="utf-8"))}


def test_every_code_that_a_rule_writes_is_in_the_catalogue_and_the_others_are_known() -> None:
    codes = {code for code in REASONS if re.fullmatch(r"R\d\d", code)}
    assert written() <= codes
    assert codes - written() == WITHOUT_A_RULE


@pytest.mark.parametrize("code", REASONS)
def test_a_reason_has_a_title_of_a_few_words_and_says_what_helps(code: str) -> None:
    reason = REASONS[code]
    assert reason.code == code
    assert 1 <= len(reason.title.split()) <= 8
    assert reason.advice
    assert not reason.advice.endswith(".")


def test_codes_rise_and_words_follow_them() -> None:
    codes = [code for code in REASONS if re.fullmatch(r"R\d\d", code)]
    assert list(REASONS)[: len(codes)] == sorted(codes)
    assert set(list(REASONS)[len(codes) :]) == {
        *("quantized", "output-layer", "unsuited", "unpaired", "forced", "partner", "casts", "measured"),
    }

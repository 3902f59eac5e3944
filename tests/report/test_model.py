from __future__ import annotations

import math

import pytest
from pydantic import ValidationError
from report_fakes import summary

from trtflow.report.model import LayerStatistics, RunSummary

LAYER = {
    "count": 4,
    "differing": 1,
    "differing_share": 0.25,
    "max_abs": "inf",
    "mean_abs": "nan",
    "sqnr_db": "-inf",
    "cosine": None,
    "reference_amax": 1.0,
}


def test_strings_of_a_json_file_are_read_as_the_numbers_they_name() -> None:
    read = LayerStatistics.model_validate(LAYER)
    assert (read.max_abs, read.sqnr_db, read.cosine) == (math.inf, -math.inf, None)
    assert read.mean_abs is not None
    assert math.isnan(read.mean_abs)


def test_a_summary_survives_json_with_its_infinities() -> None:
    first = summary().model_dump_json()
    assert RunSummary.model_validate_json(first).model_dump_json() == first
    assert "Infinity" in first


@pytest.mark.parametrize("wrong", [{"max_abs": "much"}, {"count": 1.5}, {"cosin": 1.0}])
def test_what_the_page_does_not_know_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LayerStatistics.model_validate({**LAYER, **wrong})


def test_a_search_counts_its_cached_evaluations_and_time() -> None:
    search = summary().search
    assert search is not None
    assert search.cached == 2
    assert search.seconds == pytest.approx(sum(item.seconds or 0 for item in search.evaluations))

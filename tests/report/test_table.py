from __future__ import annotations

import math

from report_fakes import summary

from trtflow.report.layers import join
from trtflow.report.table import groups, lines

COMPARISONS = summary(60).comparisons


def test_groups_show_the_first_candidate_in_full() -> None:
    assert [(group.name, len(group.columns)) for group in groups(COMPARISONS)] == [
        ("fp16", 7),
        ("mixed", 2),
        ("reference", 4),
        ("FP16, more", 2),
    ]


def test_cells_follow_the_columns_and_sort_nan_at_the_bad_end() -> None:
    made = lines(join(COMPARISONS), COMPARISONS)
    cells = made[0].cells
    assert len(cells) == sum(len(group.columns) for group in groups(COMPARISONS))
    sqnr, max_error, cosine = cells[0], cells[4], cells[-1]
    assert (sqnr.text, sqnr.key) == ("NaN", "-Infinity")
    assert (max_error.text, max_error.key) == ("inf", "Infinity")
    assert (cosine.text, cosine.key) == ("-", "")


def test_bars_cover_the_share_and_nothing_is_drawn_for_none() -> None:
    made = lines(join(COMPARISONS), COMPARISONS)
    bars = [line.cells[1].bar for line in made]
    assert all(bar is None or math.isclose(bar, 1.0) or 0 < bar < 1 for bar in bars)
    kept = next(line for line in made if line.index == 0)
    assert kept.cells[8].bar is None

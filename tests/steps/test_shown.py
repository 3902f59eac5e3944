"""What a terminal shows of the documents of a run."""

from __future__ import annotations

from dataclasses import replace

from report_fakes import few_layers, layers

from trtflow.files.statistics import Statistics
from trtflow.numerics.record import Figures
from trtflow.steps.shown import deviating_layers


def test_layers_are_shown_by_their_worst_sample_and_with_its_number() -> None:
    found = layers(3)
    ninth = Figures(count=120, differing=10, differing_share=1 / 12, worst_sample=8, worst_differing_share=1.0)
    steady = replace(ninth, differing=24, differing_share=0.2, worst_sample=3, worst_differing_share=0.25)
    figures = dict(zip((layer.tensor for layer in found), (Figures(), steady, ninth), strict=True))
    table = deviating_layers(Statistics(samples=12, rounding="tensor", layers=found, candidates={"fp16": figures}))
    assert table is not None
    assert table.columns[-3:] == ("ratio", "in one sample", "worst sample")
    assert [row[0] for row in table.rows] == [found[2].node, found[1].node]
    assert [row[2:] for row in table.rows] == [(10, 120, "8.33%", "100.00%", 8), (24, 120, "20.00%", "25.00%", 3)]


def test_nothing_is_shown_where_no_layer_deviates() -> None:
    assert deviating_layers(few_layers(differing_share=[0.1, 0.0])) is None

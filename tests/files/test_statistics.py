"""Statistics as a document and as a table: a layer is wrong where one sample says so, and that sample is named."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from report_fakes import few_layers, layers

from trtflow.files.document import read_document, write_document
from trtflow.files.statistics import UNREAD, Statistics, side_by_side, write_layers
from trtflow.numerics.record import Figures

NINTH = Figures(count=120, differing=10, differing_share=1 / 12, worst_sample=8, worst_differing_share=1.0)


def hidden() -> Statistics:
    """Two layers, of which the second breaks on the ninth of twelve samples."""
    found = layers(2)
    figures = {found[0].tensor: Figures(count=120, sqnr_db=60.0), found[1].tensor: replace(NINTH, sqnr_db=10.8)}
    return Statistics(samples=12, rounding="tensor", layers=found, candidates={"fp16": figures})


def test_a_layer_is_wrong_where_a_single_sample_says_so() -> None:
    statistics = hidden()
    assert statistics.wrong("fp16") == statistics.layers[1:]


@pytest.mark.parametrize(("share", "count"), [(0.1, 0), (0.11, 1)])
def test_a_layer_is_wrong_from_more_than_a_tenth_on(share: float, count: int) -> None:
    assert len(few_layers(differing_share=[share, 0.0]).wrong("fp16")) == count


def test_the_table_names_the_worst_sample_of_each_layer(tmp_path: Path) -> None:
    write_layers(hidden(), tmp_path / "layers.csv")
    rows = list(csv.DictReader((tmp_path / "layers.csv").read_text().splitlines()))
    columns = ("differing", "total", "worst_sample", "worst_differing_share")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("0", "120", "0", "0.0"),
        ("10", "120", "8", "1.0"),
    ]


def test_the_document_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_document(hidden(), tmp_path / "statistics.json")
    assert read_document(Statistics, tmp_path / "statistics.json") == hidden()


def test_what_compared_the_same_network_is_joined() -> None:
    first, other = hidden(), hidden().model_copy(update={"candidates": {"mixed": {}}})
    assert list(first.joined(other).candidates) == ["fp16", "mixed"]
    assert first.first == first.candidates["fp16"]


def test_what_is_told_of_candidates_is_joined_with_them() -> None:
    told = {"runners": {"mixed": "cuda"}, "observer": {"mixed": 0.5}, "mechanisms": {"mixed": {"t": "cast"}}}
    found = hidden().joined(hidden().model_copy(update={"candidates": {"mixed": {}}, **told}))
    assert {name: getattr(found, name) for name in told} == told


@pytest.mark.parametrize(
    ("order", "shown", "unseen"), [(["emulated", "engine"], 2, ("in_a_body",)), (["engine", "emulated"], 1, ("n1",))]
)
def test_the_first_candidate_decides_which_layers_are_told(
    order: list[str], shown: int, unseen: tuple[str, ...]
) -> None:
    first, second = hidden().layers
    figures = hidden().first
    emulated = hidden().model_copy(update={"candidates": {"emulated": figures}, "unseen": ("in_a_body",)})
    engine = hidden().model_copy(update={"candidates": {"engine": {first.tensor: figures[first.tensor]}}})
    found = side_by_side([emulated, engine], order)
    assert [*found.candidates] == order
    assert found.layers == (first, second)[:shown]
    assert found.unseen == tuple(second.node if name == "n1" else name for name in unseen)
    if shown == 2:
        assert found.candidates["engine"][second.tensor] is UNREAD
        assert found.wrong("engine") == ()


def test_the_table_tells_how_each_layer_was_read(tmp_path: Path) -> None:
    first, second = hidden().layers
    told = {"mechanisms": {"fp16": {first.tensor: "cast"}}, "built": {"fp16": {second.node: "fused"}}}
    write_layers(hidden().model_copy(update=told), tmp_path / "layers.csv")
    rows = csv.DictReader((tmp_path / "layers.csv").read_text().splitlines())
    assert [(row["mechanism"], row["built"]) for row in rows] == [("cast", ""), ("", "fused")]

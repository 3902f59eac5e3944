from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import pytest
from report_fakes import int8_summary, summary

from trtflow.report.html import change, render, typeset
from trtflow.report.model import RunSummary

VOID = {"meta", "input"}
HOSTILE = "\"><img src=x onerror=alert(1)></script><script>alert('2')</script>{{ 7 * 7 }}&amp;"


class Page(HTMLParser):
    """Reads a page: tags must nest, and text and attribute names are collected."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def _hostile() -> RunSummary:
    """A run in which every name a model or a user chooses is an attack."""
    run = summary(6)
    comparisons = tuple(
        item.model_copy(
            update={
                "layers": tuple(
                    layer.model_copy(update={"node": f"{HOSTILE}{layer.depth}", "tensor": HOSTILE, "op": HOSTILE})
                    for layer in item.layers
                )
            }
        )
        for item in run.comparisons
    )
    kept = tuple(
        item.model_copy(update={"node": f"{HOSTILE}{index}", "title": HOSTILE, "evidence": {HOSTILE: HOSTILE}})
        for index, item in enumerate(run.kept)
    )
    return run.model_copy(
        update={"title": HOSTILE, "comparisons": comparisons, "kept": kept, "made": {HOSTILE: HOSTILE}}
    )


def _bare() -> RunSummary:
    """As little as a run can leave: a verdict without conditions, nothing compared, nothing searched."""
    run = summary(6)
    parts = ("title", "low", "model", "data", "verdict")
    bare = RunSummary.model_validate({name: getattr(run, name) for name in parts})
    return bare.model_copy(update={"verdict": run.verdict.model_copy(update={"conditions": ()})})


RUNS = [
    pytest.param(summary(60), id="accepted"),
    pytest.param(summary(60, accepted=False), id="refused"),
    pytest.param(summary(700), id="large"),
    pytest.param(_hostile(), id="hostile"),
    pytest.param(int8_summary(), id="int8"),
    pytest.param(_bare(), id="bare"),
]


@pytest.mark.parametrize("run", RUNS)
def test_every_page_is_well_formed_and_needs_no_network(run: RunSummary) -> None:
    text = render(run)
    page = Page(text)
    assert page.open == []
    assert not re.search(r"https?://|url\(|@import|<link|<iframe", text)
    assert not [value for name, value in page.attributes if name in ("src", "srcset", "data", "action")]
    assert {value[0] for name, value in page.attributes if name == "href"} <= {"#"}


@pytest.mark.parametrize("run", RUNS)
def test_links_inside_the_page_have_a_target(run: RunSummary) -> None:
    attributes = Page(render(run)).attributes
    targets = {value for name, value in attributes if name == "id"}
    assert {value[1:] for name, value in attributes if name == "href"} <= targets


@pytest.mark.parametrize("accepted", [True, False])
def test_the_verdict_and_every_kept_node_with_its_reason_are_shown(accepted: bool) -> None:
    run = summary(60, accepted=accepted)
    text = " ".join(Page(render(run)).text)
    assert run.verdict.sentence in text
    assert all(part in text for item in run.kept for part in (item.node, item.code, item.title))


def test_every_layer_is_a_row_with_the_worst_first() -> None:
    rows = re.findall(r'<tr data-i="(\d+)"', render(summary(700)))
    assert sorted(map(int, rows)) == list(range(700))
    assert rows[:4] == ["1", "2", "3", "4"]


def test_names_cannot_inject_markup() -> None:
    page = Page(render(_hostile()))
    assert "img" not in page.tags
    assert page.tags.count("script") == 1
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert any(HOSTILE in text for text in page.text)


def test_undefined_and_infinite_numbers_are_typeset_not_printed_raw() -> None:
    shown = {text.strip() for text in Page(render(summary(60, accepted=False))).text}
    assert {"\N{INFINITY}", "NaN", "\N{EN DASH}"} <= shown
    assert not shown & {"None", "nan", "inf", "-inf"}


def test_a_warning_about_the_data_is_loud_only_when_there_is_one() -> None:
    assert "About the data." in render(summary(6, accepted=False))
    assert "About the data." not in render(summary(6))


def test_equal_runs_give_equal_pages() -> None:
    assert render(summary(60)) == render(summary(60))


def test_sort_keys_are_numbers_that_javascript_reads() -> None:
    page = Page(render(summary(60)))
    keys = {value for name, value in page.attributes if name == "data-v"} - {
        "",
        "fp16",
        "fp32",
        "Infinity",
        "-Infinity",
    }
    assert all(math.isfinite(float(key)) for key in keys)


@pytest.mark.parametrize(
    ("value", "reference", "text"),
    [
        (0.9, 1.0, "\N{MINUS SIGN}0.1000"),
        (1.0, 1.0, "no change"),
        (0.98409, 0.9841, "under 0.0001 apart"),
        (None, 1.0, ""),
        (math.nan, 1.0, ""),
        (1.0, math.inf, ""),
    ],
)
def test_change_against_the_reference(value: float | None, reference: float, text: str) -> None:
    assert change(value, reference) == text


@pytest.mark.parametrize(
    ("text", "typed"), [("-", "\N{EN DASH}"), ("-inf", "\N{MINUS SIGN}\N{INFINITY}"), ("65,504", "65,504")]
)
def test_typeset(text: str, typed: str) -> None:
    assert typeset(text) == typed


def test_kept_nodes_are_listed_by_depth() -> None:
    run = summary(60)
    text = render(run.model_copy(update={"kept": tuple(reversed(run.kept))}))
    assert [text.index(f'<span class="name">{item.node}<') for item in run.kept] == sorted(
        text.index(f'<span class="name">{item.node}<') for item in run.kept
    )


def test_an_int8_page_accounts_for_every_multiply_add() -> None:
    run = int8_summary()
    text = " ".join(" ".join(Page(render(run)).text).split())
    assert run.work is not None
    assert all(part in text for item in run.work.left for part in (item.node, item.code, item.title, item.text))
    for row in ("In INT8 17 97.6%", "Left out by the search 1 2.0%", "Output layer 1 0.40%"):
        assert row in text
    assert all(name in text for name in ("INT8 naive", "INT8 tuned", "Mixed"))


def test_only_an_int8_page_speaks_of_multiply_adds() -> None:
    assert "multiply" not in render(summary(60))

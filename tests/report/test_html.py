"""The page: whole, safe and true to the run, whatever the run left."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from report_fakes import OVERFLOW, SCALES, int8_summary, search, summary

from trtflow.files.checks import Check
from trtflow.files.findings import Finding
from trtflow.files.outcomes import BuildOutcome, ModelFacts, NotHonoured
from trtflow.files.scales import TensorScale
from trtflow.files.search import Because, Saturation, Word
from trtflow.files.statistics import Statistics
from trtflow.model.layers import Layer
from trtflow.numerics.record import Figures
from trtflow.plan import PrecisionPlan
from trtflow.report.html import change, render, typeset
from trtflow.report.model import Card, RunSummary, Verdict

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
    attacked = tuple(Layer(f"{HOSTILE}{depth}", f"{HOSTILE}{depth}", HOSTILE, depth) for depth in range(6))
    figures = {layer.tensor: Figures(sqnr_db=30.0) for layer in attacked}
    compared = Statistics(samples=1, rounding=HOSTILE, layers=attacked, candidates={HOSTILE: figures})
    why = Finding("R01", HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, certain=True)
    return replace(
        run,
        title=HOSTILE,
        statistics=compared,
        kept=(Card(HOSTILE, HOSTILE, "fp32", why, HOSTILE),),
        search=search(6, data=HOSTILE, made_by={HOSTILE: HOSTILE}, fusion=HOSTILE),
        findings=((why, OVERFLOW),),
        checks=(Check("R17", HOSTILE, "warn", HOSTILE),),
        scales=SCALES.model_copy(update={"tensors": {HOSTILE: TensorScale(amax=1.0, method=HOSTILE)}}),
    )


BARE = RunSummary("unet", "fp16", ModelFacts(), Verdict("not-accepted", "Not accepted"), PrecisionPlan())


RUNS = [
    pytest.param(summary(60), id="accepted"),
    pytest.param(summary(60, accepted=False), id="refused"),
    pytest.param(summary(700), id="large"),
    pytest.param(_hostile(), id="hostile"),
    pytest.param(int8_summary(), id="int8"),
    pytest.param(BARE, id="bare"),
]


def test_the_runner_that_decided_is_named_with_its_versions() -> None:
    made_by = {"trtflow": "0.1.0", "onnx": "1", "tensorrt": "10.13.0", "gpu": "NVIDIA L4, 8.9", "runner": "tensorrt"}
    page = render(replace(summary(6), search=search(6, made_by=made_by)))
    assert "<dd>tensorrt (trtflow 0.1.0, tensorrt 10.13.0, gpu NVIDIA L4, 8.9)</dd>" in page


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


def _text(run: RunSummary) -> str:
    return " ".join(" ".join(Page(render(run)).text).split())


@pytest.mark.parametrize("accepted", [True, False])
def test_the_verdict_and_every_kept_node_with_its_reason_are_shown(accepted: bool) -> None:
    run = summary(60, accepted=accepted)
    text = _text(run)
    assert run.verdict.sentence in text
    assert all(part in text for card in run.kept for part in (card.node, card.why.code, card.title))
    assert "3 nodes, 5.1% of the model's work." in text
    assert [text.count(f"{word} : as") for word in ("needed", "forced")] == [2, 1]


def test_a_finding_is_shown_with_what_to_do() -> None:
    run = summary(60)
    text = _text(run)
    assert all(part in text for found, reason in run.findings for part in (found.text, reason.title, reason.advice))


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


def test_dependence_on_fusion_is_loud_only_where_there_is_any() -> None:
    assert "Depends on fusion:" in _text(summary(6, accepted=False))
    assert "Depends on fusion:" not in _text(summary(6))


def test_infinities_inside_are_listed_with_what_ends_them_only_where_there_are_any() -> None:
    many = tuple(f"node{index}" for index in range(23))
    inside = Saturation(layers=60, nodes=many, mended={"act": "Tanh"}, unshown={"norm": "Div"})
    page = " ".join(Page(render(replace(summary(), search=search(saturation=inside)))).text)
    assert "23 of 60 layers hold infinities or NaN where FP32 has none: node0, node1" in page
    assert "node19 and 3 more" in page
    assert re.search(r"norm\s+Div\s+not shown to be harmless\s+act\s+Tanh\s+what FP32 gives", page)
    for none in (None, Saturation(layers=60)):
        assert "Infinities inside" not in render(replace(summary(), search=search(saturation=none)))


def test_the_data_behind_the_numbers_are_named() -> None:
    assert "eval.npz, 24 samples, 8 held out" in _text(summary(6))
    none = replace(summary(6), search=search(6, held_out=0))
    assert "eval.npz, 16 samples, none held out" in _text(none)
    assert "nothing was measured" in _text(BARE)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (None, "No engine was built."),
        (
            BuildOutcome(
                backend="t",
                version="10",
                bytes=9,
                typing="weak",
                tensors={"half": 4, "float": 2},
                uninspected="no GPU",
            ),
            "Built by t 10, weakly typed. Tensors of its network: 4 half, 2 float. "
            "What became of them inside the engine was not read: no GPU. engine",
        ),
        (BuildOutcome(backend="none", not_built="no GPU"), "Not built. no GPU none"),
        (
            BuildOutcome(backend="tensorrt", version="10.13", bytes=3_120_400),
            "Built by tensorrt 10.13. engine 3.1 MB",
        ),
        (
            BuildOutcome(
                backend="tensorrt",
                bytes=3_120_400,
                notes=("calibrated on 16 samples",),
                honoured={"honoured": 4, "not honoured": 1},
                not_honoured=(NotHonoured(node="up", asked="fp32", built=("fp16", "fp32")),),
            ),
            "as the engine inspector shows them: 4 honoured, 1 not honoured. "
            "Not honoured (R25): up, fp32 asked, fp16 and fp32 built. calibrated on 16 samples.",
        ),
    ],
)
def test_the_engine_or_why_there_is_none(build: BuildOutcome | None, said: str) -> None:
    assert said in _text(replace(summary(6), build=build))


def test_a_calibration_shows_its_ranges_and_the_verdict_on_each_check() -> None:
    text = _text(int8_summary())
    assert "Source: entropy over 128 samples." in text
    assert "input 4 65,535 2.1% entropy" in text
    for row in (
        "R18 samples 128 different samples \N{CHECK MARK} passed",
        "R19 input is clipped at 4 \N{BALLOT X} failed",
        "R18 dead is zero in all samples warning",
        "R17 input reaches far beyond calibration warning",
    ):
        assert row in text


def test_a_run_without_a_calibration_has_no_such_section() -> None:
    assert 'id="calibration"' not in render(summary(6))


def test_a_plan_that_could_not_be_measured_is_neither_accepted_nor_refused() -> None:
    assert "4 rank, probe 59 98.3% \N{EN DASH} not measured" in _text(summary(60))


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
    text = render(replace(run, kept=tuple(reversed(run.kept))))
    places = [text.index(f'<span class="name">{card.node}<') for card in run.kept]
    assert places == sorted(places)


def test_an_int8_page_accounts_for_every_multiply_add() -> None:
    run = int8_summary()
    text = _text(run)
    assert all(part in text for card in run.left for part in (card.node, card.why.code, card.why.text, card.title))
    for row in ("In INT8 17 97.6%", "Left out by the search 1 2.0%", "Output layer 1 0.40%"):
        assert row in text
    assert all(name in text for name in ("INT8 naive", "INT8 tuned", "Mixed"))


def test_only_an_int8_page_speaks_of_multiply_adds() -> None:
    assert "multiply" not in render(summary(60))


def test_the_words_for_kept_nodes_come_with_their_sentences_and_the_root_cause_beside_them() -> None:
    run = summary(60)
    words: tuple[Word, ...] = ("needed", "forced", "cheaper", "constant", "unproven")
    cards = tuple(replace(run.kept[0], because=Because(word=word, text=f"{word} sentence")) for word in words)
    text = _text(replace(run, kept=cards))
    said = ("needed", "forced", "cheaper", "forced", "kept, not shown to be needed")
    assert all(f" {shown} : {word} sentence " in text for word, shown in zip(words, said, strict=True))
    assert text.count(run.kept[0].why.text) >= len(cards)


def test_a_root_cause_that_only_repeats_the_sentence_is_not_printed_twice() -> None:
    run = summary(60)
    why = run.kept[0].why
    card = replace(run.kept[0], because=Because(word="forced", text=f"{why.text}, and so on"))
    assert _text(replace(run, kept=(card,), findings=())).count(why.text) == 1


def test_notes_about_the_model_are_shown() -> None:
    run = summary(6)
    noted = run.model.model_copy(update={"notes": ("opset raised", "two nodes were renamed")})
    assert "Notes opset raised; two nodes were renamed" in _text(replace(run, model=noted))
    assert "Notes" not in _text(run)


@pytest.mark.parametrize(("judged", "said"), [(24, ""), (0, ""), (32, ", on 24 of 32 samples")])
def test_a_low_end_that_was_measured_on_other_samples_says_so(judged: int, said: str) -> None:
    run = summary(6)
    text = _text(replace(run, verdict=replace(run.verdict, samples=judged)))
    assert f"every node in FP16{said}" in text
    assert (", on 24 of" in text) == bool(said)


def test_strategies_are_compared_by_plans_and_by_work_with_casts() -> None:
    text = _text(replace(summary(60), search=search(60, cost=0.123)))
    assert "Work with Casts Plans measured Outcome trtflow 3 12.3% 13 ✓ accepted bisect 17 44.0% 7" in text


def test_a_constant_is_told_once() -> None:
    run = summary(60)
    why = Finding("R04", "scale", "constant w reaches 1.684e+08, beyond FP16's 65504", {}, certain=True)
    forced = Because(word="constant", text="constant w reaches 1.68442e+08, which fp16 turns into inf")
    text = _text(replace(run, kept=(replace(run.kept[0], why=why, because=forced),), findings=()))
    assert "forced : constant w reaches 1.68442e+08" in text
    assert why.text not in text


def test_plans_and_probes_are_counted_apart() -> None:
    assert "plans measured 13 probes on the hardest samples 5 engine build 1" in _text(summary(60))


def test_a_condition_that_nobody_judged_is_not_called_missed() -> None:
    run = summary(6)
    unjudged = replace(run.verdict, metrics=(replace(run.verdict.metrics[0], margin=None),))
    text = _text(replace(run, verdict=unjudged))
    assert "drop at most 0.005" in text
    assert "not met" not in text

"""The report says what the steps left, and stays whole when some of them left nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from report_fakes import because, eight_bits, few_layers, finding, nodes, search, statistics

from trtflow.diagnosis.reasons import REASONS
from trtflow.files.checks import Check
from trtflow.files.data_facts import DataFacts
from trtflow.files.document import write_document
from trtflow.files.outcomes import BuildOutcome, ModelFacts, VerdictDocument
from trtflow.files.proof import Unseen, WorstSample
from trtflow.plan import PrecisionPlan
from trtflow.report.html import render
from trtflow.tasks.documents import Documents
from trtflow.tasks.report import run_metrics, summarize

FIRST, SECOND, THIRD = nodes(60, {0, 1, 2})
CHEAP = because(60, ("needed", "unproven", "cheaper"))
VERDICT = VerdictDocument(
    accepted=True,
    samples=24,
    reference={"iou": 0.98},
    candidate={"iou": 0.97},
    margins={"iou.drop": 0.5},
    accept={"iou": {"drop": 0.02}},
    unseen=Unseen(
        places=(3, 7),
        accepted=True,
        reference={"iou": 0.979},
        candidate={"iou": 0.969},
        margins={"iou.drop": 0.5},
    ),
    worst={"iou": WorstSample(value=0.91, sample=3)},
    bounds={"iou.drop": 0.25},
    proven=True,
)
FLOATS = Documents(
    facts=ModelFacts(file="unet.onnx", candidates=60),
    plan=PrecisionPlan("fp16", dict.fromkeys((FIRST, SECOND, THIRD), "fp32")),
    statistics=statistics(),
    findings=(finding(FIRST), finding(SECOND, "R06")),
    floats=search(because=CHEAP),
    search=search(because=CHEAP),
    verdict=VERDICT,
    steps=frozenset({"bisect", "build", "validate"}),
)
EIGHT = replace(
    FLOATS,
    plan=PrecisionPlan("fp16", {FIRST: "fp32", SECOND: "int8", THIRD: "int8"}),
    search=search(low="int8", kept=(FIRST,), node_costs={FIRST: 0.02}, eight_bits=eight_bits()),
)


def test_a_run_is_named_after_its_model_and_tested_in_the_searchs_low_precision() -> None:
    assert [(run.title, run.low) for run in map(summarize, (FLOATS, EIGHT))] == [("unet", "fp16"), ("unet", "int8")]
    untold = summarize(Documents(plan=PrecisionPlan("bf16")))
    assert (untold.title, untold.low) == ("trtflow", "bf16")


def test_every_kept_node_has_its_reason_and_its_share_of_the_work() -> None:
    cards = summarize(FLOATS).kept
    assert [(card.node, card.why.code, card.share) for card in cards] == [
        (FIRST, "R01", 0.013),
        (SECOND, "R06", 0.017),
        (THIRD, "casts", 0.021),
    ]
    assert [card.op for card in cards] == ["Conv", "BatchNormalization", "Relu"]
    assert all(card.title == REASONS[card.why.code].title for card in cards)


def test_every_kept_node_has_the_word_for_why_it_is_kept_beside_the_root_cause() -> None:
    assert [(card.because and card.because.word, card.why.code) for card in summarize(FLOATS).kept] == [
        ("needed", "R01"),
        ("unproven", "R06"),
        ("cheaper", "casts"),
    ]


def test_what_int8_leaves_out_and_what_fp16_breaks_are_told_apart() -> None:
    run = summarize(EIGHT)
    assert [(card.node, card.precision) for card in run.kept] == [(FIRST, "fp32")]
    assert [(card.why.code, card.precision, card.share) for card in run.left] == [
        ("R19", "fp32", 0.02),
        ("output-layer", "fp16", 0.004),
    ]
    assert summarize(FLOATS).left == ()


def test_a_node_that_int8_took_after_all_is_not_kept() -> None:
    taken = replace(EIGHT, plan=PrecisionPlan("fp16", dict.fromkeys((FIRST, SECOND, THIRD), "int8")))
    assert summarize(taken).kept == ()


def test_the_candidate_that_is_low_everywhere_comes_first() -> None:
    fp16 = few_layers(sqnr_db=[1.0])
    both = fp16.model_copy(update={"candidates": dict.fromkeys(("fp16", "int8"), fp16.candidates["fp16"])})
    for documents, names in ((FLOATS, ["fp16", "int8"]), (EIGHT, ["int8", "fp16"])):
        found = summarize(replace(documents, statistics=both)).statistics
        assert found is not None
        assert list(found.candidates) == names


def test_every_finding_comes_with_what_its_reason_advises() -> None:
    assert summarize(FLOATS).findings == (
        (finding(FIRST), REASONS["R01"]),
        (finding(SECOND, "R06"), REASONS["R06"]),
    )


def test_only_files_of_steps_that_left_something_are_named() -> None:
    assert [file.path for file in summarize(FLOATS).files] == ["engine.plan", "metrics.json"]


@pytest.mark.parametrize(("failed", "named"), [({}, ["*.named.onnx"]), ({"build": "no"}, [])])
def test_the_network_with_unique_names_is_told_where_it_was_left(failed: dict[str, str], named: list[str]) -> None:
    renamed = replace(FLOATS, facts=FLOATS.facts.model_copy(update={"renamed": True}))
    files = [file.path for file in summarize(renamed, failed=failed).files]
    assert [path for path in files if "named" in path] == named


def test_a_run_whose_steps_failed_still_has_a_report_that_says_so() -> None:
    page = render(summarize(Documents(), {"bisect": 3.0}, {"bisect": "was ended by SIGSEGV"}))
    for said in ("Failed: bisect: was ended by SIGSEGV.", "nothing was measured", "the run ended before the search."):
        assert said in page


@pytest.mark.parametrize("documents", [FLOATS, EIGHT, replace(FLOATS, verdict=None), Documents()])
def test_whatever_was_left_the_page_carries_the_verdict(documents: Documents) -> None:
    run = summarize(documents)
    assert f"<h1>{run.verdict.sentence}</h1>" in render(run)


def test_metrics_are_the_figures_of_the_report(tmp_path: Path) -> None:
    build = BuildOutcome(backend="tensorrt", version="10.13", bytes=9)
    write_document(run_metrics(replace(FLOATS, build=build), {"bisect": 8.20049}), tmp_path / "metrics.json")
    assert json.loads((tmp_path / "metrics.json").read_text()) == {
        "accepted": True,
        "state": "accepted",
        "sentence": "Accepted: 3 of 60 nodes stay in FP32; iou 0.97 (FP32 0.98, FP16 0.102).",
        "held_out": True,
        "proven": True,
        "marks": [],
        "metrics": {"reference": {"iou": 0.98}, "low": {"iou": 0.102}, "candidate": {"iou": 0.97}},
        "decided_by": {},
        "unseen": {"iou": 0.969},
        "worst": {"iou": {"value": 0.91, "sample": 3}},
        "kept": sorted([FIRST, SECOND, THIRD]),
        "kept_cost_share": pytest.approx(0.051),
        "evaluations": 13,
        "probes": 5,
        "builds": 1,
        "seconds": {"bisect": 8.2},
    }


def test_with_eight_bits_what_is_kept_is_what_the_plan_keeps_in_fp32() -> None:
    found = run_metrics(EIGHT)
    assert (found.kept, found.kept_cost_share) == ((FIRST,), 0.013)


def test_an_engine_that_was_not_built_is_not_counted() -> None:
    assert run_metrics(replace(FLOATS, build=BuildOutcome(backend="none", not_built="there is no GPU"))).builds == 0


def test_marks_of_the_data_stand_under_the_verdict_and_in_the_metrics() -> None:
    facts = DataFacts(source="eval.npz", samples=1, distinct=1, marks=("R18: 1 sample",))
    documents = Documents(data=facts, checks=(Check("R18", "samples", "warn", "1 sample"),))
    assert run_metrics(documents).marks == summarize(documents).verdict.marks == ("R18: 1 sample.",)
    page = render(summarize(documents))
    assert page.count("R18: 1 sample") == page.count('<section id="data">') == 1


def test_metrics_of_a_run_that_was_not_validated_are_the_searchs() -> None:
    found = run_metrics(replace(FLOATS, verdict=None))
    assert not found.accepted
    assert found.metrics["candidate"] == {"iou": 0.9501}


def test_metrics_of_an_empty_run_are_empty() -> None:
    found = run_metrics(Documents())
    assert (found.accepted, found.held_out, found.kept, found.evaluations, found.builds) == (False, False, (), 0, 0)


def test_the_page_and_the_metrics_name_the_part_that_was_the_worst() -> None:
    assert FLOATS.verdict is not None
    verdict = FLOATS.verdict.model_copy(update={"decided_by": {"iou": "y (4 of axis 1, from score)"}})
    documents = replace(FLOATS, verdict=verdict)
    assert "by y (4 of axis 1, from score)" in render(summarize(documents))
    assert run_metrics(documents).decided_by == {"iou": "y (4 of axis 1, from score)"}

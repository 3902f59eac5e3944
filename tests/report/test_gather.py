"""The report says what the steps left behind, and stays whole when some of them left nothing."""

from __future__ import annotations

from typing import Any

from trtflow.report.gather import gather, merge
from trtflow.report.html import render

ROW = {
    **dict.fromkeys(("count", "differing", "cand_nan", "cand_inf"), 1),
    **dict.fromkeys(("max_abs", "mean_abs", "cosine", "ref_amax"), 0.5),
    **dict.fromkeys(("beyond_fp16_share", "below_normal_share", "below_subnormal_share"), 0.0),
    "differing_share": 0.4,
    "sqnr_db": "-Infinity",
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "inspect": {"facts": {"file": "unet.onnx", "nodes": 5, "candidates": 3}},
    "compare": {
        "statistics": {
            "rounding": "tensor",
            "layers": [{"tensor": "a", "node": "n", "op": "Conv", "depth": 0}],
            "candidates": {"fp16": {"a": ROW}},
        }
    },
    "diagnose": {
        "findings": [{"code": "R01", "node": "n", "text": "large", "evidence": {"amax": 7e4}, "certain": True}]
    },
    "bisect": {
        "plan": {"default": "fp16", "nodes": {"n": "fp32"}},
        "search": {
            "strategy": "trtflow",
            "low": "fp16",
            "data": "eval.npz",
            "samples": 3,
            "held-out": 1,
            "kept": ["n"],
            "forced": [],
            "node-costs": {"n": 0.02},
            "metrics": {"reference": {"iou": 0.98}, "low": {"iou": 0.0}, "candidate": {"iou": 0.97}},
            "evaluations": [],
            "baselines": [],
            "made-by": {"trtflow": "0.1.0"},
        },
    },
    "validate": {
        "verdict": {
            "accepted": True,
            "accept": {"iou": {"drop": 0.02}},
            "reference": {"iou": 0.98},
            "candidate": {"iou": 0.97},
            "margins": {"iou.drop": 0.5},
        }
    },
}


def test_the_verdict_says_how_many_nodes_stay_and_the_figures() -> None:
    summary = gather(DOCUMENTS, {"bisect": 1.0}, {})
    assert summary.verdict.sentence == "Accepted: 1 of 3 nodes stays in FP32; iou 0.97 (FP32 0.98, FP16 0)."
    assert [(c.low, c.margin) for c in summary.verdict.conditions] == [(0.0, 0.01)]
    assert [(node.node, node.code, node.cost_share) for node in summary.kept] == [("n", "R01", 0.02)]
    assert summary.comparisons[0].layers[0].first_error
    assert (summary.data.samples, summary.data.held_out) == (4, 1)


def test_a_run_whose_steps_failed_still_has_a_report_that_says_so() -> None:
    summary = gather({}, {}, {"bisect": "failed: was ended by SIGSEGV"})
    assert not summary.verdict.accepted
    assert "bisect failed: was ended by SIGSEGV" in summary.verdict.sentence
    page = render(summary)
    assert "SIGSEGV" in page
    assert "nothing was measured" in page
    assert "Not known: the run ended before the search." in page


def test_two_steps_of_one_type_are_joined() -> None:
    known: dict[str, Any] = {"statistics": {"layers": [1], "candidates": {"fp16": 1}}}
    merge(known, {"statistics": {"layers": [2], "candidates": {"mixed": 2}}})
    assert known == {"statistics": {"layers": [1], "candidates": {"fp16": 1, "mixed": 2}}}


def test_an_int8_run_reports_its_ranges_and_checks() -> None:
    scales = {"method": "auto", "samples": 9, "tensors": {"x": {"amax": 3.0, "seen": 4.0, "method": "mse"}}}
    checks = [{"code": "R18", "subject": "samples", "verdict": "warn", "sentence": "few", "evidence": {}}]
    documents = {**DOCUMENTS, "calibrate": {"scales": scales}, "check-calibration": {"checks": checks}}
    calibration = gather(documents, {}, {}).calibration
    assert calibration is not None
    assert calibration.source == "auto over 9 samples"
    assert [(entry.tensor, entry.amax, entry.observed) for entry in calibration.ranges] == [("x", 3.0, 4.0)]
    assert [(entry.name, entry.passed) for entry in calibration.checks] == [("R18 samples", None)]


WHY = {
    "code": "R20",
    "node": "n",
    "text": "hot pixels",
    "evidence": {"amax": 9.0},
    "certain": True,
    "against": "int8",
}
INT8 = {
    **DOCUMENTS,
    "quantize": {
        "plan": {"default": "fp16", "nodes": {"n": "fp32", "q": "int8"}},
        "search": {
            **DOCUMENTS["bisect"]["search"],
            "low": "int8",
            "quantised": ["q"],
            "quantised-share": 0.9,
            "kept": ["m"],
            "metrics": {**DOCUMENTS["bisect"]["search"]["metrics"], "naive": {"iou": 0.4}, "low": {"iou": 0.6}},
            "work": {"int8": 0.9, "fp16": 0.08, "fp32": 0.02},
            "left": [
                {"node": "m", "op": "Conv", "precision": "fp16", "share": 0.08, "group": "output layer", "why": WHY}
            ],
        },
    },
}


def test_an_int8_run_has_four_figures_of_the_end_metric() -> None:
    summary = gather(INT8, {}, {})
    first = summary.verdict.conditions[0]
    assert (first.reference, first.naive, first.low, first.candidate) == (0.98, 0.4, 0.6, 0.97)
    decision = "Accepted: 1 node, 90% of the multiply-adds, runs in INT8"
    assert summary.verdict.sentence == f"{decision}; iou 0.97 (FP32 0.98, INT8 naive 0.4, INT8 tuned 0.6)."


def test_what_int8_leaves_out_and_what_fp16_breaks_are_told_apart() -> None:
    summary = gather(INT8, {}, {})
    assert [(node.node, node.code, node.precision) for node in summary.kept] == [("n", "R01", "fp32")]
    assert summary.work is not None
    assert summary.work.shares == {"int8": 0.9, "fp16": 0.08, "fp32": 0.02}
    assert [(node.node, node.code, node.text, node.group) for node in summary.work.left] == [
        ("m", "R20", "hot pixels", "output layer")
    ]


def test_a_node_that_int8_took_after_all_is_not_kept() -> None:
    taken = {"default": "fp16", "nodes": {"n": "int8"}}
    assert gather({**INT8, "quantize": {**INT8["quantize"], "plan": taken}}, {}, {}).kept == ()

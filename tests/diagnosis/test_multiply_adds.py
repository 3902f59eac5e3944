"""Every multiply-add is accounted for, and every exception has its reason."""

from __future__ import annotations

import pytest

from trtflow.diagnosis.multiply_adds import Worker, left_out, shares_by_group, shares_by_precision
from trtflow.files.findings import Finding
from trtflow.plan import PrecisionPlan

WORKERS = (
    Worker("held", "Conv", 0.5, "open"),
    Worker("broken", "Conv", 0.2, "open"),
    Worker("sum", "Add", 0.0, "open"),
    Worker("head", "Conv", 0.1, "output"),
    Worker("state", "LSTM", 0.15, "none"),
    Worker("dead", "Gemm", 0.05, "none"),
)
PLAN = PrecisionPlan("fp16", {"held": "int8", "broken": "fp32"})
FINDINGS = [
    Finding("R01", "broken", "large", {}, certain=True),
    Finding("R20", "broken", "hot", {}, certain=False, against="int8"),
    Finding("R18", "dead", "zero", {}, certain=True, against="int8"),
    Finding("R19", "held", "clipped", {}, certain=True, against="int8"),
]


def test_each_node_outside_eight_bits_has_a_group_and_a_reason_against_eight_bits() -> None:
    left = left_out(WORKERS, PLAN, FINDINGS, "int8")
    assert [(entry.node, entry.precision, entry.group, entry.why.code) for entry in left] == [
        ("broken", "fp32", "left out by the search", "R20"),
        ("state", "fp16", "not quantizable", "unsuited"),
        ("head", "fp16", "output layer", "output-layer"),
        ("dead", "fp16", "not quantizable", "R18"),
        ("sum", "fp16", "left out by the search", "measured"),
    ]


def test_shares_add_up_to_one() -> None:
    shares = shares_by_precision(WORKERS, PLAN, "int8")
    assert shares == {"int8": 0.5, "fp16": pytest.approx(0.3), "fp32": 0.2}
    assert list(shares) == ["int8", "fp16", "fp32"]
    groups = shares_by_group(left_out(WORKERS, PLAN, FINDINGS, "int8"))
    assert sum(groups.values()) + shares["int8"] == pytest.approx(1.0)


def test_what_the_file_has_in_eight_bits_counts_and_what_it_has_not_says_why() -> None:
    held = Worker("a", "Conv", 0.75, "held")
    bare = Worker("b", "Conv", 0.25, "held", "no pair on its input")
    plan = PrecisionPlan("fp16")
    assert shares_by_precision([held, bare], plan, "int8") == {"int8": 0.75, "fp16": 0.25}
    (left,) = left_out([held, bare], plan, (), "int8")
    assert (left.node, left.precision, left.group) == ("b", "fp16", "no pairs in the file")
    assert (left.why.code, left.why.text) == ("unpaired", "no pair on its input")

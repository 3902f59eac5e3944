"""Findings name the planted causes and nothing else, against FP16 and with scales against eight bits."""

from __future__ import annotations

import onnx
import pytest
from planted import dataset, int8_network, pictures, rows

from trtflow.files.scales import Scales, TensorScale
from trtflow.files.statistics import Statistics
from trtflow.precision import Quantized
from trtflow.tasks.compare import Candidate, compare
from trtflow.tasks.diagnose import diagnose


@pytest.mark.parametrize(
    ("value", "expected"),
    [(60, []), (70, [("up", "R01"), ("down", "R01")])],
    ids=["within the range of FP16", "beyond it"],
)
def test_whatever_touches_values_beyond_fp16_is_named_in_order(
    overflowing: onnx.ModelProto, value: float, expected: list[tuple[str, str]]
) -> None:
    found = diagnose(overflowing, compare(overflowing, rows(value)))
    assert [(finding.node, finding.code) for finding in found] == expected
    assert all(finding.certain and finding.against == "fp16" for finding in found)


def test_what_is_said_of_the_reference_is_the_same_for_every_candidate(overflowing: onnx.ModelProto) -> None:
    exact = compare(overflowing, rows(70), {"fp32": Candidate()})
    assert diagnose(overflowing, exact) == diagnose(overflowing, compare(overflowing, rows(70)))


def scales(statistics: Statistics, precision: Quantized, **changes: float) -> Scales:
    """The widest ranges, with those of ``changes`` instead."""
    amax = {name: statistics.first[name].ref_amax for name in ("x", "b", "d", "g")} | changes
    tensors = {
        name: TensorScale(amax=value, method="minmax", seen=value, spread=2000.0 if name == "b" else 1.5)
        for name, value in amax.items()
    }
    return Scales(precision=precision, method="minmax", samples=2, tensors=tensors)


@pytest.mark.parametrize(
    ("precision", "changes", "expected"),
    [
        ("int8", {}, [("second", "R21")]),
        ("int8", {"d": 0.02}, [("second", "R21"), ("third", "R19")]),
        ("int8", {"d": 0.0}, [("second", "R21"), ("third", "R18")]),
        ("fp8", {"d": 0.02}, [("third", "R19")]),
        ("fp8", {}, []),
    ],
    ids=["as it is", "clipped", "dead", "clipped in FP8", "FP8 has an exponent"],
)
def test_with_scales_findings_against_eight_bits_stand_behind_the_others(
    precision: Quantized, changes: dict[str, float], expected: list[tuple[str, str]]
) -> None:
    net = int8_network()
    statistics = compare(net, dataset(pictures(1, 2)))
    plain, found = diagnose(net, statistics), diagnose(net, statistics, scales(statistics, precision, **changes))
    assert {(finding.node, finding.code) for finding in plain} >= {("loud", "R01"), ("hush", "R01")}
    assert found[: len(plain)] == plain
    eight_bits = found[len(plain) :]
    assert [(finding.node, finding.code) for finding in eight_bits] == expected
    assert {finding.against for finding in eight_bits} <= {precision}

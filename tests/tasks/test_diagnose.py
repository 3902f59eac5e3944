"""Findings name the planted causes and nothing else, against FP16 and with scales against eight bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, random
from planted import dataset, int8_network, pictures, rows

from trtflow.data import Sample
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


def test_against_bf16_nothing_is_said_of_the_range_of_fp16(overflowing: onnx.ModelProto) -> None:
    assert diagnose(overflowing, compare(overflowing, rows(70)), low="bf16") == ()


def test_what_cancels_loses_accuracy_in_every_format() -> None:
    subtract = node("Sub", "x c", "y", "subtract")
    graph = model([subtract], [info("x", [1, 4])], [info("y", [1, 4])], [f32("c", [60.0] * 4)])
    samples = [Sample({"x": np.full((1, 4), 60.1, np.float32)})]
    found = diagnose(graph, compare(graph, samples), low="bf16")
    assert [(finding.node, finding.code, finding.against) for finding in found] == [("subtract", "R09", "bf16")]


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


def network(*lines: str, **constants: Any) -> onnx.ModelProto:
    """A model from lines "Op inputs -> output" on x [N, 64], with FP32 ``constants``."""
    nodes = []
    for line in lines:
        read, output = line.split(" -> ")
        op, inputs = read.split(" ", 1)
        nodes.append(node(op, inputs, output, output))
    weights = [f32(name, value) for name, value in constants.items()]
    return model(nodes, [info("x", ["N", 64])], [info(nodes[-1].output[0], None)], weights)


PLANTED = {
    "R01": (network("Mul x up -> a", "Mul a down -> y", up=1e5, down=1e-5), network("Mul x k -> y", k=1e3), "a"),
    "R02": (network("Mul x k -> a", "ReduceL2 a -> y", k=200), network("Mul x k -> a", "ReduceL2 a -> y", k=20), "y"),
    "R03": (network("Mul x k -> a", "Softmax a -> y", k=4e4), network("Mul x k -> a", "Softmax a -> y", k=2e4), "y"),
    "R04": (network("Mul x k -> y", k=[7e4] + [1e-4] * 63), network("Mul x k -> y", k=[6e4] + [1e-4] * 63), "y"),
    "R05": (
        network("Abs x -> a", "Add a eps -> y", eps=1e-12),
        network("Abs x -> a", "Add a eps -> y", eps=1e-5),
        "y",
    ),
    "R06": (network("Mul x tiny -> y", tiny=2e-8), network("Mul x tiny -> y", tiny=1e-4), "y"),
    "R07": (
        network("Mul x w -> y", w=[1e-9] * 8 + [1.0] * 56),
        network("Mul x w -> y", w=[1e-5] * 8 + [1.0] * 56),
        "y",
    ),
    "R09": (
        network("Add x far -> a", "Sub a far -> y", far=4e3),
        network("Add x far -> a", "Sub a far -> y", far=40),
        "y",
    ),
    "R26": (network("Relu x -> z", "Div x z -> y"), network("Abs x -> z", "Div x z -> y"), "y"),
}


@pytest.mark.parametrize(("sick", "well", "at"), PLANTED.values(), ids=PLANTED)
def test_a_cause_that_is_planted_in_a_network_is_found_at_its_node_and_not_in_its_neighbour(
    sick: onnx.ModelProto, well: onnx.ModelProto, at: str, request: pytest.FixtureRequest
) -> None:
    samples = [Sample({"x": np.sign(random(2, 64)) * np.float32(0.9)})]
    code = request.node.callspec.id
    found = diagnose(sick, compare(sick, samples, allow_nonfinite=True))
    assert (at, code) in {(finding.node, finding.code) for finding in found}
    assert code not in {finding.code for finding in diagnose(well, compare(well, samples))}

"""Bias correction on disk and in the graph."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
from cure_host import ABOUT, host
from graph_models import f32, info, model, node, random
from spread_model import spread_model

from trtflow.cures.base import Adjustment
from trtflow.cures.correction import Correction, output_channels, takes_correction
from trtflow.model.analysis import analyse


def one(op: str, inputs: str, **attributes: Any) -> onnx.ModelProto:
    constants = [f32("w", random(6, 6)), f32("b", random(6))]
    return model([node(op, inputs, "y", "n", **attributes)], [info("x", [6, 6])], [info("y", None)], constants)


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "expected"),
    [
        ("Gemm", "x w b", {}, True),
        ("Gemm", "x w", {}, True),
        ("Gemm", "x w b", {"transA": 1}, False),
        ("Gemm", "x w x", {}, False),  # a bias that is computed
        ("MatMul", "x w", {}, False),  # has no bias
    ],
)
def test_what_takes_a_correction(op: str, inputs: str, attributes: dict[str, Any], expected: bool) -> None:
    analysis = analyse(one(op, inputs, **attributes))
    scope, proto = analysis.by_name["n"]
    assert takes_correction(proto, scope) is expected


@pytest.mark.parametrize(
    ("op", "attributes", "dims", "expected"),
    [("Conv", {}, (8, 3, 1, 1), 8), ("Gemm", {}, (3, 8), 8), ("Gemm", {"transB": 1}, (8, 3), 8)],
)
def test_output_channels(op: str, attributes: dict[str, Any], dims: tuple[int, ...], expected: int) -> None:
    assert output_channels(node(op, "x w", "y", **attributes), dims) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(16, ""), (4, "bias correction: up has 16 channels, the decision 4")]
)
def test_there_is_a_number_for_each_output_channel(count: int, expected: str) -> None:
    cure = Correction(subject="up", bias=(0.1,) * count, **ABOUT)
    assert cure.misfit(host(spread_model(1.0), up=1)) == expected


@pytest.mark.parametrize(
    ("subject", "expected"), [("upp", "there is no node upp; did you mean 'up'?"), ("relu", "no constant weights")]
)
def test_a_node_that_is_not_there_or_does_not_suit_is_told(subject: str, expected: str) -> None:
    cure = Correction(subject=subject, bias=(0.1,), **ABOUT)
    assert expected in cure.misfit(host(spread_model(1.0), up=1))


def test_it_changes_the_bias_and_belongs_to_the_weights_that_it_was_made_for() -> None:
    cure = Correction(subject="up", bias=(0.5,), **ABOUT)
    assert cure.adjust(Adjustment((0.9,))) == Adjustment((0.9,), (0.5,))
    assert "rounding of the old weights" in cure.caveat

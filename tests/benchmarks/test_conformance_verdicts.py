"""A run is right by the file that it wrote, refused by a reason that is true, and else unexplained."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conformance_verdicts import REFUSALS, Verdict, refusal, sqnr
from graph_models import info, model, node

LACKING = (
    "compare: ONNX Runtime refuses the model: NOT_IMPLEMENTED : Could not find an implementation for Pow(13) node"
)
SIXTEEN = onnx.TensorProto.UINT16


def written(folder: Path, op: str, elem: int) -> Path:
    path = folder / "model.onnx"
    onnx.save(model([node(op, "x x", "y")], [info("x", [2], elem)], [info("y", [2], elem)]), path)
    return path


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Nothing gained: nothing in it can take FP16", "nothing in it can take the low precision"),
        (
            "Nothing gained: FP16 is accurate enough, but Casts would cost more than it saves on 1 node",
            "Casts",
        ),
        ("Nothing gained: FP16 is open to none of 1 node: TensorRT takes it in fp32 only; sqnr 3", "a rule"),
        ("check-data: 'items' is a sequence_type; expected a tensor.", "an input that is no tensor"),
    ],
)
def test_a_known_reason_is_a_refusal(tmp_path: Path, said: str, reason: str) -> None:
    found = refusal(said, tmp_path / "none.onnx")
    assert (found.outcome, found.text.startswith(reason)) == ("refused", True)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Nothing gained: ",
        "it did not work",
        "FP16 is open to none of 2 nodes: ",
        "is a sequence_type",
        LACKING[:40],
    ],
)
def test_what_names_no_reason_or_no_place_is_unexplained(tmp_path: Path, said: str) -> None:
    runs = written(tmp_path, "Add", onnx.TensorProto.FLOAT)
    assert refusal(said, runs) == Verdict("wrong", said)


@pytest.mark.parametrize(
    ("op", "elem", "outcome"),
    [("Pow", SIXTEEN, "refused"), ("Add", onnx.TensorProto.FLOAT, "wrong")],
    ids=["the original is refused, too", "the original runs"],
)
def test_a_missing_kernel_excuses_only_where_the_original_lacks_it(
    tmp_path: Path, op: str, elem: int, outcome: str
) -> None:
    assert refusal(LACKING, written(tmp_path, op, elem)).outcome == outcome


def test_every_reason_is_told_once() -> None:
    assert len(set(REFUSALS.values())) == len(REFUSALS)


def f32(*values: float) -> Any:
    return np.asarray(values, np.float32)


@pytest.mark.parametrize(
    ("exact", "other", "expected"),
    [
        ([[f32(1, 2)]], [[f32(1, 2)]], math.inf),
        ([[f32(10)]], [[f32(11)]], 20.0),
        ([[f32(10), f32(1)]], [[f32(11), f32(2)]], 0.0),
        ([[f32(10)], [f32(0)]], [[f32(10)], [f32(1)]], 20.0),
        ([[f32(math.nan, math.inf, 1)]], [[f32(math.nan, math.inf, 1)]], math.inf),
        ([[f32(1)]], [[f32(math.nan)]], -math.inf),
        ([[f32(0)]], [[f32(1)]], -math.inf),
        ([[np.arange(3)]], [[np.arange(3) + 1]], math.inf),
    ],
    ids=["equal", "a tenth off", "worst output", "sums over samples", "meant NaN", "NaN", "zero", "integers"],
)
def test_the_independent_figure_is_the_worst_float_output_over_all_samples(
    exact: Any, other: Any, expected: float
) -> None:
    assert sqnr(exact, other) == pytest.approx(expected)

"""Layers are compared with the reference in batches that fit a budget, with the same result for any batching."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from trtflow.data import Sample
from trtflow.graph.emulate import instrument
from trtflow.precision.plan import PrecisionPlan
from trtflow.runners.lockstep import batch_tensors, compare_inputs, compare_tensors, mark_only

SAMPLES = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (1.0, 70.0)]


@pytest.mark.parametrize("batches", [[["a", "b", "y"]], [["a"], ["b", "y"]], [["a"], ["b"], ["y"]]])
def test_batching_does_not_change_the_statistics(overflowing: onnx.ModelProto, batches: list[list[str]]) -> None:
    candidate = {"fp16": instrument(overflowing, PrecisionPlan("fp16"))}
    found = compare_tensors(overflowing, candidate, batches, SAMPLES, lambda done, total, text: None)
    assert {name: (s.count, s.differing, s.overflowed) for name, s in found["fp16"].items()} == {
        "a": (8, 4, 4),
        "b": (8, 4, 4),
        "y": (8, 4, 4),
    }


def test_an_input_beyond_the_range_shows_before_the_first_layer() -> None:
    found = compare_inputs([Sample({"x": np.array([1, 65535], np.float32)})], "fp16")
    assert found["x"].overflowed == 1


@pytest.mark.parametrize(
    ("sizes", "budget", "expected"),
    [
        ({"a": 4, "b": 4, "c": 4}, 8, [["a", "b"], ["c"]]),
        ({"a": 9, "b": 1, "c": 1}, 8, [["a"], ["b", "c"]]),
        ({"a": 0, "b": 0}, 1, [["a", "b"]]),
        ({}, 8, []),
    ],
)
def test_no_batch_exceeds_the_budget_unless_one_tensor_does(
    sizes: dict[str, int], budget: int, expected: list[list[str]]
) -> None:
    assert batch_tensors(sizes, budget) == expected


def test_marking_only_some_tensors_drops_the_models_own_outputs(overflowing: onnx.ModelProto) -> None:
    assert [value.name for value in mark_only(overflowing, ["a"]).graph.output] == ["a"]

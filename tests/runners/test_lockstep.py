"""Layers are compared with the reference in batches that fit a budget, with the same result for any batching."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from trtflow.data import Sample
from trtflow.emulation.emulate import instrument
from trtflow.numerics.statistics import TensorStatistics
from trtflow.plan import PrecisionPlan
from trtflow.runners.lockstep import Candidate, compare_tensors
from trtflow.runners.staged import batch_tensors

SAMPLES = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (1.0, 70.0)]


def compared(model: onnx.ModelProto, samples: list[Sample], memory: int = 1 << 20) -> dict[str, TensorStatistics]:
    candidates = {"fp16": Candidate(lambda: instrument(model, PrecisionPlan("fp16")), "fp16")}
    found, count = compare_tensors(model, candidates, ["a", "b", "y"], samples, memory, lambda *_: None)
    assert count == len(samples)
    return found["fp16"]


@pytest.mark.parametrize("memory", [1, 140, 1 << 20])
def test_memory_does_not_change_the_statistics(overflowing: onnx.ModelProto, memory: int) -> None:
    found = compared(overflowing, SAMPLES, memory)
    assert {name: (s.count, s.differing, s.overflowed) for name, s in found.items()} == {
        "x": (8, 0, 0),
        "a": (8, 4, 4),
        "b": (8, 4, 4),
        "y": (8, 4, 4),
    }


def test_an_input_beyond_the_range_shows_before_the_first_layer(overflowing: onnx.ModelProto) -> None:
    found = compared(overflowing, [Sample({"x": np.array([[1, 65535, 1, 1]], np.float32)})])
    assert found["x"].overflowed == 1


def test_samples_may_differ_in_shape(overflowing: onnx.ModelProto) -> None:
    overflowing.graph.input[0].type.tensor_type.shape.dim[1].ClearField("dim_value")
    samples = [Sample({"x": np.ones((1, width), np.float32)}) for width in (4, 900, 2)]
    assert {s.count for s in compared(overflowing, samples).values()} == {906}


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

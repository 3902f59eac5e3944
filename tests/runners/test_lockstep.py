"""Layers are compared with the reference in batches that fit a budget, with the same result for any batching."""

from __future__ import annotations

from functools import partial

import numpy as np
import onnx
import pytest

from trtflow.data import Sample
from trtflow.emulation.emulate import instrument
from trtflow.errors import DataError
from trtflow.numerics.statistics import TensorStatistics
from trtflow.plan import PrecisionPlan
from trtflow.runners.known import Known
from trtflow.runners.lockstep import Candidate, compare_tensors

SAMPLES = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (1.0, 70.0)]


def compared(model: onnx.ModelProto, samples: list[Sample], memory: int = 1 << 20) -> dict[str, TensorStatistics]:
    candidates = {"fp16": Candidate(lambda: instrument(model, PrecisionPlan("fp16")), "fp16")}
    found, count = compare_tensors(model, candidates, ["a", "b", "y"], samples, memory, lambda *_: None)
    assert count == len(samples)
    return {name: entry.total for name, entry in found["fp16"].items()}


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


def test_several_candidates_are_compared_with_one_reference(overflowing: onnx.ModelProto) -> None:
    plans = {"fp16": PrecisionPlan("fp16"), "mixed": PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})}
    candidates = {name: Candidate(partial(instrument, overflowing, plan), "fp16") for name, plan in plans.items()}
    found, _ = compare_tensors(overflowing, candidates, ["a", "b", "y"], SAMPLES, 1 << 20, lambda *_: None)
    assert {name: rows["a"].total.overflowed for name, rows in found.items()} == {"fp16": 4, "mixed": 0}


def test_a_candidate_is_made_once_however_many_samples_there_are(overflowing: onnx.ModelProto) -> None:
    made = []

    def make() -> onnx.ModelProto:
        made.append(1)
        return instrument(overflowing, PrecisionPlan("fp16"))

    compare_tensors(overflowing, {"fp16": Candidate(make, "fp16")}, ["a"], SAMPLES * 3, 1, lambda *_: None)
    assert made == [1]


def test_progress_tells_the_sample_and_where_in_the_network(overflowing: onnx.ModelProto) -> None:
    told: list[tuple[int, int | None, str]] = []
    candidates = {"fp16": Candidate(lambda: instrument(overflowing, PrecisionPlan("fp16")), "fp16")}
    compare_tensors(overflowing, candidates, ["a", "b", "y"], SAMPLES, 1, lambda *entry: told.append(entry))
    assert [text for _, _, text in told[:3]] == [f"sample 0, tensors from {name}" for name in "aby"]
    assert [done for done, _, _ in told] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("memory", [1, 1 << 20])
def test_a_reference_that_is_not_finite_ends_the_comparison_at_its_sample(
    overflowing: onnx.ModelProto, memory: int
) -> None:
    told: list[int] = []
    candidates = {"fp16": Candidate(lambda: instrument(overflowing, PrecisionPlan("fp16")), "fp16")}
    samples = [*SAMPLES, Sample({"x": np.full((1, 4), np.inf, np.float32)}), *SAMPLES]
    with pytest.raises(DataError, match="sample 2: FP32's own output 'y' holds 4 infinite of 4 values"):
        compare_tensors(
            overflowing, candidates, ["a", "b", "y"], samples, memory, lambda done, *_: told.append(done), Known()
        )
    assert sorted({*told}) == [0, 1, 2]


@pytest.mark.parametrize("memory", [1, 140, 1 << 20])
def test_the_worst_sample_of_a_tensor_does_not_depend_on_batches(overflowing: onnx.ModelProto, memory: int) -> None:
    candidates = {"fp16": Candidate(lambda: instrument(overflowing, PrecisionPlan("fp16")), "fp16")}
    samples = [*SAMPLES, SAMPLES[0]]
    found, count = compare_tensors(overflowing, candidates, ["a", "b", "y"], samples, memory, lambda *_: None)
    worst = {name: found["fp16"][name].figures().worst_sample for name in ("a", "b", "y")}
    assert (worst, count) == ({"a": 1, "b": 1, "y": 1}, 3)


@pytest.mark.parametrize(
    ("width", "rows", "count"), [(4, 2, 8), (4, 0, 0), (2, 3, 0)], ids=["fewer rows", "none", "others"]
)
def test_of_ragged_tensors_the_rows_count_that_both_have(width: int, rows: int, count: int) -> None:
    def net(shape: list[int]) -> onnx.ModelProto:
        weights = [onnx.numpy_helper.from_array(np.array(shape), "shape")]
        nodes = [onnx.helper.make_node("Expand", ["x", "shape"], ["a"], "a")]
        ends = [onnx.helper.make_tensor_value_info(name, 1, None) for name in ("x", "a")]
        ends[0] = onnx.helper.make_tensor_value_info("x", 1, [1, 1])
        graph = onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
        return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)

    sample = Sample({"x": np.ones((1, 1), np.float32)})
    candidates = {"fp16": Candidate(lambda: net([rows, width]), "fp16")}
    found, _ = compare_tensors(net([3, 4]), candidates, ["a"], [sample], 1 << 20, lambda *_: None, ragged={"a"})
    assert found["fp16"]["a"].total.count == count

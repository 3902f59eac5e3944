"""Statistics cover every sample that decides, and name the worst one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
import pytest

from trtflow.data import Sample
from trtflow.errors import DataError
from trtflow.plan import PrecisionPlan
from trtflow.tasks.compare import ALL_FP16, Candidate, compare


def samples(*values: float) -> list[Sample]:
    return [Sample({"x": np.full((1, 4), value, np.float32)}) for value in values]


NINTH = samples(*[1.0] * 8, 70.0, 1.0, 1.0, 1.0)


def test_a_network_that_breaks_on_its_ninth_sample_only_is_seen_to_break(overflowing: onnx.ModelProto) -> None:
    found = compare(overflowing, NINTH)
    assert found.samples == 12
    assert [layer.node for layer in found.wrong("fp16")] == ["up", "down", "add"]
    figures = found.candidates["fp16"]
    assert {figures[layer.tensor].worst_sample for layer in found.layers} == {8}
    assert figures["a"].worst_differing_share == 1.0
    assert figures["a"].differing_share == pytest.approx(1 / 12)


def test_each_candidate_has_a_worst_sample_of_its_own(overflowing: onnx.ModelProto) -> None:
    mixed = Candidate(PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"}))
    found = compare(overflowing, samples(1.0, 70.0, 2.0003), {**ALL_FP16, "mixed": mixed})
    assert {name: tensors["y"].worst_sample for name, tensors in found.candidates.items()} == {"fp16": 1, "mixed": 2}
    assert found.wrong("mixed") == ()


def test_fewer_samples_are_compared_where_that_is_asked_for(overflowing: onnx.ModelProto) -> None:
    found = compare(overflowing, NINTH, samples=8)
    assert (found.samples, found.wrong("fp16")) == (8, ())


def test_samples_stream_by(overflowing: onnx.ModelProto) -> None:
    alive: list[int] = []

    class Counted(Sample):
        def __del__(self) -> None:
            alive.remove(id(self))

    def stream() -> Iterator[Sample]:
        for index in range(6):
            assert len(alive) <= 1
            sample = Counted({"x": np.full((1, 4), index + 1, np.float32)})
            alive.append(id(sample))
            yield sample
            del sample

    assert compare(overflowing, stream()).samples == 6


@pytest.mark.parametrize(
    ("fed", "said"),
    [
        ([1.0, float("nan"), 1.0], "sample 1: FP32's own output 'y' holds 4 NaN of 4 values"),
        ([1.0, 1.0, float("inf")], "sample 2: FP32's own output 'y' holds 4 infinite of 4 values"),
    ],
)
def test_a_reference_that_is_not_finite_is_refused_unless_it_is_meant(
    overflowing: onnx.ModelProto, fed: list[float], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        compare(overflowing, samples(*fed))
    assert compare(overflowing, samples(*fed), allow_nonfinite=True).samples == 3


def test_zeros_into_a_network_without_biases_are_no_reference(products: onnx.ModelProto) -> None:
    zeros, ones = (Sample({"x": np.full((1, 6), value, np.float32)}) for value in (0, 1))
    with pytest.raises(DataError, match="sample 0 and 1 others, all there are: FP32's own outputs hold nothing but"):
        compare(products, [zeros, zeros])
    assert compare(products, [zeros, ones]).samples == 2

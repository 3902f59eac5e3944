"""Tensors are split into few batches, each within a budget."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from staged_network import FEED, network

from trtflow.runners.batches import ENOUGH, batch_tensors, make_batches, sizes_of

some_sizes = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 100), max_size=20)


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


@given(sizes=some_sizes, budget=st.integers(1, 200))
def test_every_tensor_is_in_one_batch_in_order(sizes: dict[str, int], budget: int) -> None:
    batches = batch_tensors(sizes, budget)
    assert [name for batch in batches for name in batch] == list(sizes)
    assert all(len(batch) == 1 or sum(sizes[name] for name in batch) <= budget for batch in batches)


def test_sizes_that_inference_cannot_tell_are_measured() -> None:
    model, _ = network()
    sizes = sizes_of(model, ["a", "d", "y"], FEED)
    assert make_batches(sizes, 4 * 24) == [["a"], ["d", "y"]]


@pytest.mark.parametrize(("budget", "batches"), [(10**9, [["a", "b", "y"]]), (1024, [["a"], ["b"], ["y"]])])
def test_a_model_with_little_to_read_is_split_by_the_budget_alone(
    overflowing: onnx.ModelProto, budget: int, batches: list[list[str]]
) -> None:
    sizes = sizes_of(overflowing, ["a", "b", "y"], {"x": np.ones((64, 4), np.float32)})
    assert make_batches(sizes, budget) == batches


def test_large_tensors_are_split_into_parts_that_are_reduced_while_in_the_cache() -> None:
    assert make_batches(dict.fromkeys("aby", ENOUGH), 10**9) == [["a"], ["b"], ["y"]]

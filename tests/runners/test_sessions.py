"""A model run in stages computes what it computes in one piece, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
from staged_network import FEED, network, split

from trtflow.model.ports import mark_outputs
from trtflow.model.session import create_session
from trtflow.model.shapes import inferred_shapes
from trtflow.runners.sessions import Buffer, StageSessions
from trtflow.runners.staged import floats_of


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("carried", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10])
def test_stages_compute_what_the_whole_does(size: int, carried: bool, keep: bool) -> None:
    model, tensors = network()
    whole = create_session(mark_outputs(model, tensors)).run(tensors, FEED)
    shapes = inferred_shapes(model, {"x": FEED["x"].shape})
    floats = floats_of(model) if carried else ()
    sessions = StageSessions(model, split(tensors, size), floats, keep_layout=True, keep=keep)
    for _ in range(2):
        found = {name: array.copy() for batch in sessions.run(FEED, shapes) for name, array in batch.items()}
        assert list(found) == tensors
        for name, expected in zip(tensors, whole, strict=True):
            np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_what_is_handed_on_is_not_among_the_tensors_of_a_batch() -> None:
    model, _ = network()
    sessions = StageSessions(model, [["a"], ["f"], ["y"]], floats_of(model), keep_layout=False)
    assert [list(batch) for batch in sessions.run(FEED, {})] == [["a"], ["f"], ["y"]]


def test_arrays_of_a_buffer_lie_side_by_side_and_are_aligned() -> None:
    shapes = {"a": (3,), "b": (2, 5), "scalar": (), "none": (0, 4)}
    arrays = Buffer().arrays(shapes)
    assert {name: array.shape for name, array in arrays.items()} == shapes
    start = arrays["a"].ctypes.data
    assert (arrays["b"].ctypes.data - start, arrays["scalar"].ctypes.data - start) == (64, 128)
    arrays["a"][:], arrays["b"][:] = 1, 2
    assert arrays["a"].sum() == 3


def test_a_buffer_is_reused_until_it_is_too_small() -> None:
    buffer = Buffer()
    first = buffer.arrays({"a": (100,)})["a"]
    assert np.shares_memory(first, buffer.arrays({"b": (50,)})["b"])
    assert not np.shares_memory(first, buffer.arrays({"c": (1000,)})["c"])

"""A model run in stages computes what it computes in one piece, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
from graph_models import f32, i64, info, model, node
from onnx import TensorProto
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


def test_a_buffer_with_room_for_the_largest_batch_never_grows() -> None:
    batches = [{"a": (100,)}, {"b": (30, 50), "c": (7,)}, {"d": (20,)}]
    buffer = Buffer()
    buffer.reserve(batches)
    first, *others = (next(iter(buffer.arrays(shapes).values())) for shapes in batches)
    assert all(np.shares_memory(first, other) for other in others)


def test_batches_that_grow_lie_in_one_place() -> None:
    nodes = [node("Neg", "x", "a"), node("Concat", "a a a a", "b", axis=1), node("Abs", "b", "y")]
    net = model(nodes, [info("x", [1, 64])], [info("y", None)])
    feed = {"x": np.ones((1, 64), np.float32)}
    sessions = StageSessions(net, [["a"], ["b"], ["y"]], floats_of(net), keep_layout=False)
    run = sessions.run(feed, inferred_shapes(net, {"x": (1, 64)}))
    first, *others = (next(iter(batch.values())) for batch in run)
    assert all(np.shares_memory(first, other) for other in others)


@pytest.mark.parametrize("told", [{}, {"s": (1, 9, 64, 2)}, {"s": (1, 9, 33, 2)}], ids=["none", "wrong", "right"])
def test_shapes_that_inference_has_wrong_do_not_stop_a_run(told: dict[str, tuple[int, ...]]) -> None:
    spectrum = node("STFT", "x step - length", "s", onesided=1)
    net = model([spectrum, node("Neg", "s", "y")], [info("x", [1, 192, 1])], [info("y", None)])
    net.graph.initializer.extend([i64("step", 16), i64("length", 64)])
    feed = {"x": np.random.default_rng(0).normal(size=(1, 192, 1)).astype(np.float32)}
    (whole,) = create_session(net).run(None, feed)
    sessions = StageSessions(net, [["s"], ["y"]], floats_of(net), keep_layout=False)
    for _ in range(3):
        found = {name: array.copy() for batch in sessions.run(feed, told) for name, array in batch.items()}
        np.testing.assert_array_equal(found["y"], whole)
        np.testing.assert_array_equal(found["s"], -whole)


def test_what_stops_a_run_whatever_memory_it_is_given_is_raised() -> None:
    net = model([node("Gather", "w i", "y")], [info("i", [1], TensorProto.INT64)], [info("y", [1])], [f32("w", [1])])
    sessions = StageSessions(net, [["y"]], (), keep_layout=False)
    with pytest.raises(Exception, match="out of data bounds"):
        list(sessions.run({"i": np.array([7])}, {"y": (1,)}))


def test_strings_are_fed_and_numbers_come_back() -> None:
    nodes = [node("RegexFullMatch", "t", "m", pattern="a.*"), node("Cast", "m", "f", to=1), node("Mul", "f x", "y")]
    inputs = [info("t", ["n"], TensorProto.STRING), info("x", ["n"])]
    net = model(nodes, inputs, [info("y", None)], opset=20)
    sessions = StageSessions(net, [["f"], ["y"]], floats_of(net), keep_layout=False)
    feed = {"t": np.array(["ab", "ba"], object), "x": np.array([3, 4], np.float32)}
    found = [{name: array.tolist() for name, array in batch.items()} for batch in sessions.run(feed, {})]
    assert found == [{"f": [1, 0]}, {"y": [3, 0]}]

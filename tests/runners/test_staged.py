"""All wanted tensors of a model over samples, as ONNX Runtime computes them, whatever the budget."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, random
from staged_network import FEED, network

from trtflow.data import Array, Sample
from trtflow.model.ports import mark_outputs
from trtflow.model.session import create_session
from trtflow.runners.staged import Staged, floats_of


def residual(depth: int = 4) -> onnx.ModelProto:
    """Sums over shortcuts between linear operators, of which calibration asks for the inputs only; free batch."""
    nodes, weights, stream = [], [], "x"
    for index in range(depth):
        nodes += [
            node("MatMul", f"{stream} w{index}", f"m{index}"),
            node("Relu", f"m{index}", f"r{index}"),
            node("MatMul", f"r{index} u{index}", f"n{index}"),
            node("Add", f"{stream} n{index}", f"s{index}"),
        ]
        weights += [f32(f"w{index}", random(6, 9, seed=index)), f32(f"u{index}", random(9, 6, seed=50 + index))]
        stream = f"s{index}"
    return model(nodes, [info("x", ["N", 6])], [info(stream, None)], weights)


def plain(proto: onnx.ModelProto, names: list[str], sample: Sample) -> dict[str, Array]:
    """What a session of the whole model gives."""
    computed = [name for name in names if name not in sample.feed]
    session = create_session(mark_outputs(proto, computed))
    return dict(zip(computed, session.run(computed, sample.feed), strict=True)) | sample.feed


def collected(staged: Staged) -> list[dict[str, Array]]:
    return [
        {name: array.copy() for (arrays, *_) in visit.batches for name, array in arrays.items()} for visit in staged
    ]


@pytest.mark.parametrize("budget", [1, 300, 10**9])
def test_tensors_are_those_of_a_plain_run_to_the_last_bit(budget: int) -> None:
    proto, wanted = residual(), ["x", "r0", "s0", "r2", "r3"]
    samples = [Sample({"x": random(rows, 6, seed=rows)}) for rows in (3, 8, 1)]  # shapes change
    for sample, found in zip(samples, collected(Staged(proto, wanted, samples, budget)), strict=True):
        assert found.keys() == set(wanted)
        for name, expected in plain(proto, wanted, sample).items():
            np.testing.assert_array_equal(found[name], expected, err_msg=name)


@pytest.mark.parametrize("budget", [1, 10**9])
def test_bodies_shapes_and_outputs_of_one_node_come_out_as_in_a_plain_run(budget: int) -> None:
    proto, _ = network()
    wanted = ["right", "c", "d", "f", "y"]
    (found,) = collected(Staged(proto, wanted, [Sample(FEED)], budget))
    for name in wanted:
        np.testing.assert_array_equal(found[name], plain(proto, wanted, Sample(FEED))[name], err_msg=name)


@pytest.mark.parametrize("budget", [1, 10**9])
def test_constants_can_be_wanted(budget: int) -> None:
    nodes = [node("Mul", "k two", "folded"), node("Add", "x folded", "a"), node("Mul", "a k", "y")]
    proto = model(nodes, [info("x", [2])], [info("y", [2])], [f32("k", [1, 2]), f32("two", 2)])
    (found,) = collected(Staged(proto, ["a", "k", "folded"], [Sample({"x": np.float32([5, 6])})], budget))
    assert {name: array.tolist() for name, array in found.items()} == {"k": [1, 2], "folded": [2, 4], "a": [7, 10]}


def test_inputs_alone_can_be_wanted() -> None:
    samples = [Sample({"x": random(2, 6)})] * 3
    assert Staged(residual(), ["x"], samples).fold(lambda name, array: array.shape[0], int.__add__) == {"x": 6}


def test_the_order_of_the_wanted_tensors_does_not_matter() -> None:
    samples = [Sample({"x": random(2, 6)})]
    found = [
        list(collected(Staged(residual(), names, samples, 1))[0]) for names in (["r0", "x", "r3"], ["r3", "r0", "x"])
    ]
    assert found == [["x", "r0", "r3"]] * 2


def test_a_fold_reduces_each_tensor_of_each_sample_and_joins_in_order() -> None:
    samples = [Sample({"x": np.full((1, 6), value, np.float32)}) for value in (1, 2, 3)]
    staged = Staged(residual(), ["x", "r0"], samples, 1)
    for _ in range(2):  # samples are read again
        found = staged.fold(lambda name, array: [(name, float(array.max()))], list.__add__)
        assert found["x"] == [("x", 1.0), ("x", 2.0), ("x", 3.0)]
        assert len(found["r0"]) == 3


def test_models_side_by_side_show_the_same_tensors_together() -> None:
    twice = residual()
    (weight,) = (tensor for tensor in twice.graph.initializer if tensor.name == "u0")
    weight.CopyFrom(f32("u0", 2 * random(9, 6, seed=50)))
    samples = [Sample({"x": random(2, 6)})]
    ratios = []
    for visit in Staged(residual(), ["n0", "r3"], samples, 1, [lambda: twice]):
        one, other = next(visit.batches)
        ratios.append(other["n0"] / one["n0"])
    np.testing.assert_allclose(ratios, 2, rtol=1e-6)


def test_no_samples_give_nothing() -> None:
    assert Staged(residual(), ["r0"], []).fold(lambda name, array: 1, int.__add__) == {}


def test_what_is_handed_on_is_fp32_and_depends_on_the_input() -> None:
    nodes = [
        node("Mul", "k k", "folded"),
        node("Add", "x folded", "a"),
        node("Shape", "a", "size"),
        node("Expand", "a size", "y"),
    ]
    proto = model(nodes, [info("x", [2])], [info("y", [2])], [f32("k", [1, 2])])
    assert floats_of(proto) == {"a", "y"}


@pytest.mark.parametrize(("budget", "told"), [(1, 1), (10**9, 0)])
def test_a_budget_too_small_for_one_tensor_is_told_with_what_is_needed(budget: int, told: int) -> None:
    said: list[str] = []
    samples = [Sample({"x": random(2, 6)})]
    list(Staged(residual(), ["r0"], samples, budget, log=said.append))
    assert len(said) == told
    assert all("'r0' in 1 models" in text and "Give that much more memory" in text for text in said)


def test_sessions_that_are_closed_compute_the_same_bits() -> None:
    proto, samples = residual(), [Sample({"x": random(2, 6)})]
    kept, closed = (collected(Staged(proto, ["r0", "r3"], samples, 1, keep=keep)) for keep in (True, False))
    for name, array in kept[0].items():
        np.testing.assert_array_equal(closed[0][name], array)

"""What a network subtracts, divides by and remembers says how far its inputs reach, and never says too much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, run
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trtflow.diagnosis.checks.kinds import Kind
from trtflow.diagnosis.checks.reach import Reach, expected_reach
from trtflow.model.first_layers import first_layers

BATCH = "ones zeros mean var"


def reach(*nodes: onnx.NodeProto, kind: Kind | None = "picture", **constants: object) -> Reach | None:
    """What ``x`` must reach; ``constants`` by name."""
    usual = {"ones": np.ones(2), "zeros": np.zeros(2), "w": np.ones((2, 2, 1, 1))}
    proto = model(
        nodes,
        [info("x", [1, 2, 8, 8])],
        [info("y", None)],
        [f32(name, value) for name, value in {**usual, **constants}.items()],
    )
    return expected_reach(first_layers(proto)["x"], kind)


CONV, BEHIND = node("Conv", "p w", "c", "conv"), node("BatchNormalization", f"c {BATCH}", "y", "norm")


@pytest.mark.parametrize(
    ("nodes", "amax", "why"),
    [
        ([node("Sub", "x a", "p"), CONV], 123.7, "the graph takes 123.7 for its mean"),
        ([node("Div", "x b", "p"), CONV], 255, "the graph divides it by 255"),
        ([node("Div", "x b", "d"), node("Sub", "d half", "p"), CONV], 255, "the graph divides it by 255"),
        ([node("Sub", "x half", "s"), node("Div", "s half", "p"), CONV], None, ""),
        ([node("Div", "x ten", "p"), CONV], None, ""),
        ([CONV], None, ""),
    ],
    ids=["a mean", "a divisor", "both of 0-255", "both of 0-1", "a small divisor", "nothing"],
)
def test_means_and_divisors_are_those_of_the_inputs(
    nodes: list[onnx.NodeProto], amax: float | None, why: str
) -> None:
    if nodes == [CONV]:
        nodes = [node("Identity", "x", "p"), CONV]
    found = reach(*nodes, a=123.7, b=255, half=0.5, ten=10)
    assert (found and pytest.approx(found.amax), (found and found.why) or "") == (amax, why)


def test_arithmetic_on_what_is_no_picture_says_nothing() -> None:
    nodes = [node("Div", "x b", "p"), CONV]
    assert reach(*nodes, b=1000, kind=None) is None


@pytest.mark.parametrize(
    ("mean", "var", "weight", "bias", "amax"),
    [
        ([3000, 3000], [16e6, 16e6], np.ones((2, 2, 1, 1)), None, 2500),
        ([0, 0], [16e6, 16e6], np.full((2, 2, 1, 1), 0.5), None, 4000),
        ([3000, 3000], [16e6, 16e6], np.ones((2, 2, 1, 1)), [1000, 1000], 2000),
        ([0, 0], [1, 1], np.full((2, 2, 1, 1), 1e-6), None, None),
        ([0, 0], [4, 4], np.zeros((2, 2, 1, 1)), None, None),
    ],
    ids=["a mean and a variance", "small weights", "what the bias gives", "as it was made, not trained", "dead"],
)
def test_a_batch_normalization_remembers_what_came_through_the_convolution(
    mean: Sequence[float],
    var: Sequence[float],
    weight: NDArray[np.float64],
    bias: Sequence[float] | None,
    amax: float | None,
) -> None:
    conv = node("Conv", "x w bias" if bias else "x w", "c", "conv")
    found = reach(conv, BEHIND, kind=None, mean=mean, var=var, w=weight, **({"bias": bias} if bias else {}))
    assert (found and found.amax) == (amax and pytest.approx(amax))
    assert found is None or f"the statistics of norm come from inputs of {amax:.4g} and more" == found.why


def test_a_batch_normalization_at_the_input_remembers_the_input() -> None:
    nodes = [node("BatchNormalization", f"x {BATCH}", "p", "norm"), CONV]
    found = reach(*nodes, mean=[1350, 1350], var=[640000, 640000])
    assert found is not None
    assert found.amax == pytest.approx((1350**2 + 800**2) ** 0.5)


def test_a_convolution_that_others_read_too_is_left_alone() -> None:
    nodes = [node("Conv", "x w", "c"), BEHIND, node("Relu", "c", "z")]
    assert reach(*nodes, mean=[0, 0], var=[1e8, 1e8]) is None


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(1e-3, 1e5))
def test_inputs_that_a_network_was_trained_on_reach_as_far_as_it_asks(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.normal(rng.normal(), 1, (1, 2, 8, 8)) * scale).astype(np.float32)
    weight, bias = rng.normal(size=(2, 2, 3, 3)), rng.normal(size=2)
    conv = node("Conv", "x w bias", "c", "conv")
    fixed = [f32("w", weight), f32("bias", bias)]
    (seen,) = run(model([conv], [info("x", [1, 2, 8, 8])], [info("c", None)], fixed), {"x": x})
    mean, var = seen.mean((0, 2, 3)), seen.var((0, 2, 3))
    found = reach(conv, BEHIND, w=weight, bias=bias, mean=mean, var=var)
    assert found is None or found.amax <= np.abs(x).max() * 1.001

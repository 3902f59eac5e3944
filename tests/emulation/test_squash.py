"""Sigmoid and tanh in FP16: to the bit what half-precision arithmetic gives, with the error that this has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from graph_models import LEVELS, info, model, node, run

from trtflow.emulation.activations import Activation
from trtflow.emulation.squash import squashed
from trtflow.emulation.writer import Writer
from trtflow.model.edit import fresh_names

ONE = np.float16(1)


def every_half() -> np.ndarray:
    """All FP16 numbers, NaN and infinity among them."""
    return np.arange(2**16, dtype=np.uint16).view(np.float16)


def computed(name: str, x: np.ndarray, level: str = "all") -> np.ndarray:
    """``name`` of ``x``, rounded at last."""
    net = model([node("Identity", "x", "y")], [info("x", ["n"])], [info("y", ["n"])])
    write = Writer("s", 17, fresh_names(net))
    made = write.rounded(squashed(write, Activation(name), "x", "fp16"), "fp16")
    write("Identity", made, into="y")
    del net.graph.node[:]
    net.graph.node.extend(write.nodes)
    return run(net, {"x": x.astype(np.float32)}, level)[0]


def sigmoid(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return ONE / (ONE + np.exp(-x.astype(np.float32)).astype(np.float16))


def tanh(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        half = sigmoid(x + x)
        return half + half - ONE


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("name", "expected"), [("Sigmoid", sigmoid), ("Tanh", tanh)])
def test_every_half_gives_the_bits_of_half_arithmetic(
    name: str, expected: Callable[[np.ndarray], np.ndarray], level: str
) -> None:
    x = every_half()
    np.testing.assert_array_equal(computed(name, x, level), expected(x).astype(np.float32))


@pytest.mark.parametrize(("name", "ends"), [("Sigmoid", (0, 1)), ("Tanh", (-1, 1))])
def test_infinity_saturates_and_nan_stays(name: str, ends: tuple[float, float]) -> None:
    low, high, nan = computed(name, np.array([-np.inf, np.inf, np.nan], np.float16))
    assert (low, high) == ends
    assert np.isnan(nan)


def test_tanh_has_the_error_of_numbers_near_one_where_it_is_small() -> None:
    x = np.linspace(0.001, 0.01, 1000).astype(np.float16)
    missed = np.abs(computed("Tanh", x) - np.tanh(x.astype(np.float32)))
    assert 2.0**-12 < missed.max() < 2.0**-9
    rounded = np.tanh(x.astype(np.float32)).astype(np.float16).astype(np.float32)
    assert np.abs(rounded - np.tanh(x.astype(np.float32))).max() < 2.0**-17


@pytest.mark.parametrize("name", ["Relu", "Softsign"])
def test_others_are_what_they_are(name: str) -> None:
    x = np.linspace(-3, 3, 100).astype(np.float16).astype(np.float32)
    exact = np.maximum(x, 0) if name == "Relu" else x / (1 + np.abs(x))
    np.testing.assert_array_equal(computed(name, x), exact.astype(np.float16).astype(np.float32))

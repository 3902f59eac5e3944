"""What the runner notes of sums that leave FP16's range, while it runs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import info, model, node
from numpy.typing import NDArray

from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16
from trtflow.runners.accumulated import AccumulatedRunner
from trtflow.runners.emulated import EmulatedRunner, Rounding

DEPTH = 1024
BACK = np.repeat(np.float32([16, -16]), DEPTH // 2)[:, None]


@pytest.fixture
def net() -> onnx.ModelProto:
    """Two products, one behind the other: a row of ``a`` times ``b``, and the result times ``c``."""
    nodes = [node("MatMul", "a b", "s", "first"), node("MatMul", "s c", "y", "second")]
    given = [info("a", ["N", DEPTH]), info("b", [DEPTH, 1]), info("c", [1, 3])]
    return model(nodes, given, [info("y", None), info("s", None)])


def feed(scale: float, c: float = 2.0) -> dict[str, NDArray[np.float32]]:
    return {"a": np.full((1, DEPTH), scale, np.float32), "b": BACK, "c": np.full((1, 3), c, np.float32)}


@pytest.mark.parametrize("rounding", ["tensor", "unit"])
def test_the_node_that_made_an_infinity_is_noted_and_none_behind_it(net: onnx.ModelProto, rounding: Rounding) -> None:
    with AccumulatedRunner(net, PrecisionPlan(FP16), ["first", "second"], rounding) as runner:
        assert np.isfinite(runner(feed(1))["y"]).all()
        assert runner.overflowed == set()
        assert not np.isfinite(runner(feed(16))["y"]).any()
        runner(feed(1))
    assert runner.overflowed == {"first"}


def test_an_operand_that_overflows_is_not_the_product_s_doing(net: onnx.ModelProto) -> None:
    with AccumulatedRunner(net, PrecisionPlan(FP16), ["second"]) as runner:
        runner(feed(1, c=1e6))
    assert runner.overflowed == set()


def test_only_the_network_s_outputs_and_what_was_asked_for_come_back(net: onnx.ModelProto) -> None:
    del net.graph.output[1:]
    for taps in ((), ("s",)):
        with AccumulatedRunner(net, PrecisionPlan(FP16), ["first", "second"], taps=taps) as runner:
            assert tuple(runner(feed(1))) == ("y", *taps)


def test_products_that_are_not_named_are_added_up_in_fp32(net: onnx.ModelProto) -> None:
    plain, named = (
        EmulatedRunner(net, PrecisionPlan(FP16)),
        AccumulatedRunner(net, PrecisionPlan(FP16), ["second"]),
    )
    with plain, named:
        np.testing.assert_array_equal(plain(feed(16))["y"], named(feed(16))["y"])

"""Products summed in FP16, 16 at a time, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from graph_models import LEVELS, accepted, info, model, node, run

from trtflow.emulation.chained import chained
from trtflow.emulation.writer import Writer
from trtflow.model.edit import fresh_names


def computed(left: np.ndarray, right: np.ndarray, opset: int = 17, level: str = "all") -> np.ndarray:
    sizes = [[f"{side}{axis}" for axis in range(array.ndim)] for side, array in (("l", left), ("r", right))]
    inputs = [info(name, size) for name, size in zip(("left", "right"), sizes, strict=True)]
    net = model([node("MatMul", "left right", "y")], inputs, [info("y", [*sizes[0][:-1], "n"])], (), opset)
    write = Writer("s", opset, fresh_names(net))
    write("Identity", chained(write, "left", "right", left.ndim, "fp16"), into="y")
    del net.graph.node[:]
    net.graph.node.extend(write.nodes)
    return run(accepted(net), {"left": left, "right": right}, level)[0]


def eighths(*shape: int, seed: int) -> np.ndarray:
    """Sixteen products of these are exact in FP32, in any order, and their sums are not in FP16."""
    return np.random.default_rng(seed).integers(-300, 301, shape).astype(np.float32) / 8


def expected(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    total = np.zeros((*left.shape[:-1], right.shape[1]), np.float16)
    for start in range(0, left.shape[-1], 16):
        part = left[..., start : start + 16] @ right[start : start + 16]
        total = (total.astype(np.float32) + part).astype(np.float16)
    return total.astype(np.float32)


@pytest.mark.parametrize("opset", [10, 12, 13, 21])
@pytest.mark.parametrize("depth", [1, 15, 16, 17, 64, 100])
@pytest.mark.parametrize("outer", [(3,), (2, 3)], ids=["state", "steps"])
def test_partial_sums_are_rounded_after_sixteen_products(outer: tuple[int, ...], depth: int, opset: int) -> None:
    left, right = eighths(*outer, depth, seed=1), eighths(depth, 5, seed=2)
    found = computed(left, right, opset)
    np.testing.assert_array_equal(found, expected(left, right))
    assert np.array_equal(found, (left @ right).astype(np.float16).astype(np.float32)) == (depth <= 16)


@pytest.mark.parametrize("level", LEVELS)
def test_a_partial_sum_beyond_fp16_is_infinite_for_ever(level: str) -> None:
    left, right = np.full((1, 64), 256, np.float32), np.full((64, 1), 256, np.float32)
    left[0, 32:] = -256
    assert np.isposinf(computed(left, right, level=level)[0, 0])

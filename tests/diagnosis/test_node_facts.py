from __future__ import annotations

import numpy as np
import pytest
from graph_models import f32, i64, info, model, node

from trtflow.diagnosis.fp16 import Constant, NodeFacts
from trtflow.diagnosis.node_facts import node_facts


def test_a_node_has_its_float_tensors_and_its_float_constants() -> None:
    nodes = [node("Add", "x w", "a"), node("Gather", "a i", "g"), node("Mul", "g w", "y")]
    net = model(nodes, [info("x", [4])], [info("y", None)], [f32("w", [2]), i64("i", [0])])
    constant = Constant(name="w", amax=2, overflow=0, flushed_share=0, size=1)
    assert node_facts(net) == [
        NodeFacts("n_a", "Add", ("x",), ("a",), (constant,)),
        NodeFacts("n_g", "Gather", ("a",), ("g",), ()),
        NodeFacts("n_y", "Mul", ("g",), ("y",), (constant,)),
    ]


SPREADS = {
    "within the range": ([-3, 0.5, 0], Constant("w", amax=3, overflow=0, flushed_share=0, size=3)),
    "beyond it": ([7e4, 1], Constant("w", amax=7e4, overflow=1, flushed_share=0, size=2)),
    "below it": (
        [2**-25, -(2**-26), 1, 2],
        Constant("w", amax=2, overflow=0, flushed_share=0.5, size=4),
    ),
    "infinite": ([np.inf, 1], Constant("w", amax=1, overflow=0, flushed_share=0, size=2)),
    "zero": ([0, 0], Constant("w", amax=0, overflow=0, flushed_share=0, size=2)),
}


@pytest.mark.parametrize(("array", "expected"), SPREADS.values(), ids=SPREADS)
def test_a_constant_is_told_by_its_finite_magnitudes(array: list[float], expected: Constant) -> None:
    net = model([node("Add", "x w", "y")], [info("x", [len(array)])], [info("y", None)], [f32("w", array)])
    assert node_facts(net)[0].constants == (expected,)

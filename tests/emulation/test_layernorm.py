from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, ops, random, run
from onnx import TensorProto

from trtflow.emulation.layernorm import sidestep_fusion


def spelt_out(exponent: float = 2, *, cast: bool = True, low: bool = False) -> onnx.ModelProto:
    """LayerNorm in nodes, behind a Cast or not; ``low``: its exponent is behind Casts as well."""
    nodes = [node("Cast", "h", "x", to=TensorProto.FLOAT) if cast else node("Identity", "h", "x")]
    if low:
        nodes += [
            node("Cast", "two", "t16", to=TensorProto.FLOAT16),
            node("Cast", "t16", "t32", to=TensorProto.FLOAT),
        ]
    nodes += [
        node("ReduceMean", "x", "m", axes=[-1]),
        node("Sub", "x m", "d"),
        node("Pow", f"d {'t32' if low else 'two'}", "p"),
        node("ReduceMean", "p", "v", axes=[-1]),
        node("Add", "v eps", "e"),
        node("Sqrt", "e", "s"),
        node("Div", "d s", "n"),
        node("Mul", "n w", "k"),
        node("Add", "k b", "y"),
    ]
    weights = [f32("two", exponent), f32("eps", 1e-5), f32("w", random(8, seed=1)), f32("b", random(8, seed=2))]
    elem = TensorProto.FLOAT16 if cast else TensorProto.FLOAT
    return model(nodes, [info("h", [2, 8], elem)], [info("y", [2, 8])], weights)


@pytest.mark.parametrize("low", [False, True])
def test_a_square_that_would_be_fused_with_a_cast_becomes_a_product(low: bool) -> None:
    net = spelt_out(low=low)
    assert sidestep_fusion(net) == 1
    square = next(n for n in net.graph.node if n.output[0] == "p")
    assert (square.op_type, list(square.input)) == ("Mul", ["d", "d"])
    assert sidestep_fusion(net) == 0


@pytest.mark.parametrize(
    "net",
    [
        spelt_out(cast=False),
        spelt_out(3),
        model([node("Pow", "x two", "y")], [info("x", [2])], [info("y", [2])], [f32("two", 2)]),
    ],
    ids=["no Cast", "a cube", "no difference"],
)
def test_other_powers_stay(net: onnx.ModelProto) -> None:
    before = ops(net.graph)
    assert sidestep_fusion(net) == 0
    assert ops(net.graph) == before


def test_the_product_is_the_same_number_and_loads_at_every_level() -> None:
    feed = {"h": random(2, 8).astype(np.float16)}
    plain = run(spelt_out(), feed, "disabled")[0]
    net = spelt_out()
    sidestep_fusion(net)
    np.testing.assert_array_equal(run(net, feed, "disabled")[0], plain)
    np.testing.assert_allclose(run(net, feed, "all")[0], plain, rtol=1e-5, atol=1e-6)

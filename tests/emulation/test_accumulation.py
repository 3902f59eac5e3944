"""Sums in FP16, held against the rule of the tensor core and against what FP32 accumulation gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import LEVELS, accepted, f32, info, model, node, random, run
from numpy.typing import NDArray

from trtflow.emulation.accumulation import accumulate, products
from trtflow.emulation.emulate import instrument
from trtflow.errors import ModelError
from trtflow.numerics.formats import round_to
from trtflow.numerics.tensor_core import FP16_IN_FP16, multiply
from trtflow.plan import PrecisionPlan
from trtflow.precision import BF16, FP16, FP32, Precision

LOW = PrecisionPlan(FP16)
SAME_BITS = 0.995  # the share of results that FP32 sums of sixteen products leave as they are


def one(op: str, *shapes: tuple[Any, ...], opset: int = 17, **attributes: Any) -> onnx.ModelProto:
    """A network of one node, all of whose operands are fed."""
    names = "abc"[: len(shapes)]
    given = [info(name, shape) for name, shape in zip(names, shapes, strict=True)]
    return model([node(op, " ".join(names), "y", "n", **attributes)], given, [info("y", None)], opset=opset)


def low(net: onnx.ModelProto, *arrays: NDArray[np.float32], level: str = "all", **options: Any) -> NDArray[Any]:
    feed = dict(zip("abc", arrays, strict=False))
    return run(instrument(net, LOW, **options), feed, level)[0]


def chained(net: onnx.ModelProto, *arrays: NDArray[np.float32], level: str = "all") -> NDArray[Any]:
    return low(net, *arrays, level=level, accumulation=FP16)


def half(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return round_to(x, FP16)


@pytest.mark.parametrize("k", [1, 15, 16, 17, 64, 200])
def test_a_product_is_that_of_the_tensor_core(k: int) -> None:
    a, b = random(2, 3, 20, k), random(k, 30, seed=1)
    found = chained(one("MatMul", ("B", 3, "M", "K"), ("K", 30)), a, b)
    expected = multiply(half(a), half(b)[None, None], FP16_IN_FP16)
    assert found.shape == expected.shape
    assert (found == expected).mean() > SAME_BITS
    np.testing.assert_allclose(found, expected, atol=2**-6)


@pytest.mark.parametrize("level", LEVELS)
def test_a_partial_sum_beyond_the_range_is_infinite_for_ever_at_every_optimisation_level(level: str) -> None:
    net = one("MatMul", ("M", "K"), ("K", "N"))
    a, b = np.full((1, 1024), 16, np.float32), np.repeat(np.float32([16, -16]), 512)[:, None]
    assert chained(net, a, b, level=level) == np.inf
    assert low(net, a, b, level=level) == 0


@pytest.mark.parametrize(
    ("left", "right", "shape"),
    [
        ((5, 40), (3, 40, 7), (3, 5, 7)),
        ((3, 5, 40), (40, 7), (3, 5, 7)),
        ((2, 1, 5, 40), (3, 40, 7), (2, 3, 5, 7)),
    ],
)
def test_matrices_are_broadcast(left: tuple[int, ...], right: tuple[int, ...], shape: tuple[int, ...]) -> None:
    a, b = random(*left), random(*right, seed=1)
    found = chained(one("MatMul", left, right), a, b)
    assert found.shape == shape
    np.testing.assert_allclose(found, a @ b, atol=0.05)


@pytest.mark.parametrize(
    ("attributes", "left", "right"),
    [
        ({}, (4, 40), (40, 6)),
        ({"transA": 1}, (40, 4), (40, 6)),
        ({"transB": 1, "alpha": 0.5, "beta": 2.0}, (4, 40), (6, 40)),
    ],
)
def test_gemm_keeps_its_scales_and_what_it_adds(
    attributes: dict[str, Any], left: tuple[int, int], right: tuple[int, int]
) -> None:
    net = one("Gemm", left, right, (6,), **attributes)
    arrays = random(*left), random(*right, seed=1), random(6, seed=2)
    np.testing.assert_allclose(chained(net, *arrays), low(net, *arrays), atol=0.05)


def conv(x: tuple[int, ...], w: tuple[int, ...], bias: bool, **attributes: Any) -> onnx.ModelProto:
    weights = [f32("w", random(*w, seed=1)), f32("b", random(w[0], seed=2))][: 1 + bias]
    nodes = [node("Conv", "a w b" if bias else "a w", "y", "n", **attributes)]
    return model(nodes, [info("a", ["N", *x[1:]])], [info("y", None)], weights)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("x", "w", "attributes"),
    [
        ((2, 20, 6, 5), (7, 20, 1, 1), {}),
        ((2, 20, 6, 5), (7, 20, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 1]}),
        ((1, 3, 9, 9), (4, 3, 3, 2), {"dilations": [2, 1], "kernel_shape": [3, 2]}),
        ((1, 3, 9, 9), (4, 3, 3, 2), {"auto_pad": "SAME_UPPER"}),
        ((2, 18, 30), (5, 18, 4), {"group": 1}),
        ((1, 4, 5, 5, 5), (3, 4, 2, 2, 2), {}),
    ],
    ids=["1x1", "3x3", "dilated", "padded", "1-D", "3-D"],
)
def test_a_convolution_is_a_product_of_its_patches(
    x: tuple[int, ...], w: tuple[int, ...], attributes: dict[str, Any], bias: bool
) -> None:
    net, fed = conv(x, w, bias, **attributes), random(*x)
    np.testing.assert_allclose(chained(net, fed), low(net, fed), atol=0.1)


def test_a_convolution_adds_tap_by_tap_and_within_a_tap_channel_by_channel() -> None:
    """Of 16 channels each tap is a step: one that overflows shows, though the next one takes it back."""
    weight = np.stack([np.full((1, 16), 256), np.full((1, 16), -256)], axis=-1).astype(np.float32)
    net = model([node("Conv", "a w", "y", "n")], [info("a", [1, 16, 2])], [info("y", None)], [f32("w", weight)])
    fed = np.full((1, 16, 2), 16, np.float32)
    assert chained(net, fed) == np.inf
    by_channel = model(
        [node("Conv", "a w", "y", "n")], [info("a", [1, 16, 2])], [info("y", None)], [f32("w", weight / 16)]
    )
    assert chained(by_channel, fed) == 0


OPERANDS = {
    "MatMul": (("B", "M", "K"), ("K", "N"), (2, 5, 40), (40, 7)),
    "Gemm": (("M", "K"), ("K", "N"), (5, 40), (40, 7)),
    "Conv": (("N", 20, "H", "W"), (7, 20, 3, 3), (2, 20, 6, 5), (7, 20, 3, 3)),
}
"""Declared and fed shapes of two operands."""


@pytest.mark.parametrize("opset", [10, 11, 12, 13, 14, 21])
@pytest.mark.parametrize("op", OPERANDS)
def test_sums_run_in_every_opset_that_has_the_operators(op: str, opset: int) -> None:
    """Below opset 14 ONNX Runtime infers no rank of a sum of tensors of unknown ranks, and wants one of a Scan."""
    *declared, left, right = OPERANDS[op]
    third = [("N",), (7,)] if op == "Gemm" and opset < 11 else []  # optional from opset 11 on
    net = one(op, *declared, *third[:1], opset=opset)
    arrays = [random(*left), random(*right, seed=1), *(random(*shape, seed=2) for shape in third[1:])]
    np.testing.assert_allclose(chained(net, *arrays), low(net, *arrays), atol=0.1)


def test_older_opsets_are_refused_with_what_to_do() -> None:
    net = one("MatMul", ("M", "K"), ("K", "N"), opset=9)
    with pytest.raises(ModelError, match=r"opset 9; .* from opset 10 on: raise it .*leave `accumulation: fp16` out"):
        instrument(net, LOW, accumulation=FP16)


def test_a_model_of_an_older_opset_without_products_is_not_refused() -> None:
    net = one("Mul", (4,), (4,), opset=9)
    assert instrument(net, LOW, accumulation=FP16) == instrument(net, LOW)


@pytest.mark.parametrize(("left", "right"), [((5, 40), (3, 40, 7)), ((2, 3, 5, 40), (40, 7)), ((5, 40), (40, 7))])
def test_the_body_of_a_chain_states_the_ranks_of_all_that_enters_and_leaves(
    left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    net = accumulate(instrument(one("MatMul", left, right), LOW), ["n"])
    (scan,) = (made for made in net.graph.node if made.op_type == "Scan")
    (body,) = (given.g for given in scan.attribute if given.name == "body")
    ranks = [len(value.type.tensor_type.shape.dim) for value in (*body.input, *body.output)]
    most = max(len(left), len(right))
    assert ranks == [most, len(left), len(right), most]


@pytest.mark.parametrize(
    ("net", "covered"),
    [
        (one("MatMul", ("M", "K"), ("K", "N")), True),
        (one("MatMul", ("K",), ("K", "N")), False),
        (one("MatMul", ("M", "K"), ("K",)), False),
        (one("Gemm", ("M", "K"), ("K", "N")), True),
        (conv((1, 4, 5, 5), (6, 4, 3, 3), bias=True), True),
        (conv((1, 4, 5, 5), (6, 2, 3, 3), bias=True, group=2), False),
        (one("Conv", (1, 4, 5, 5), (6, "C", 3, 3)), False),
        (one("Mul", (4,), (4,)), False),
    ],
)
def test_what_is_covered(net: onnx.ModelProto, covered: bool) -> None:
    assert products(net, LOW) == (("n",) if covered else ())


@pytest.mark.parametrize("precision", [FP32, BF16])
def test_only_products_in_fp16_are_accumulated_in_it(precision: Precision) -> None:
    plan = PrecisionPlan(FP16, {"n": precision})
    net = one("MatMul", ("M", "K"), ("K", "N"))
    assert products(net, plan) == ()
    assert instrument(net, plan, accumulation=FP16) == instrument(net, plan)


def test_nodes_that_are_not_named_stay_as_they_are() -> None:
    net = one("MatMul", ("M", "K"), ("K", "N"))
    plain = instrument(net, LOW)
    assert accumulate(plain, []) == plain
    assert accumulate(plain, ["n"]) != plain


def test_the_graph_is_valid_and_keeps_the_names_of_tensors() -> None:
    nodes = [node("Conv", "x w", "c"), node("Flatten", "c", "f"), node("MatMul", "f v", "y")]
    weights = [f32("w", random(4, 3, 3, 3)), f32("v", random(36, 5))]
    net = model(nodes, [info("x", [2, 3, 5, 5])], [info("y", [2, 5])], weights)
    found = accepted(instrument(net, LOW, accumulation=FP16))
    assert {"c", "f", "y"} <= {name for made in found.graph.node for name in made.output}
    assert {"n_c", "n_y"} <= {made.name for made in found.graph.node}


def test_products_inside_bodies_are_accumulated_too() -> None:
    body = onnx.helper.make_graph([node("MatMul", "a b", "inner", "n")], "body", [], [info("inner", None)])
    other = onnx.helper.make_graph([node("Identity", "a", "same", "id")], "other", [], [info("same", None)])
    nodes = [node("If", "flag", "y", "if", then_branch=body, else_branch=other)]
    given = [info("flag", [], onnx.TensorProto.BOOL), info("a", [4, 1024]), info("b", [1024, 1024])]
    net = model(nodes, given, [info("y", None)])
    fed = {
        "flag": np.array(True),
        "a": np.full((4, 1024), 16, np.float32),
        "b": np.full((1024, 1024), 16, np.float32),
    }
    fed["b"][512:] = -16
    assert (run(instrument(net, LOW, accumulation=FP16), fed)[0] == np.inf).all()
    assert (run(instrument(net, LOW), fed)[0] == 0).all()

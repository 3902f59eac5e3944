from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest
from graph_models import LEVELS, conv_net, f32, info, model, node, ops, random, run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from trtflow.emulation.emulate import instrument
from trtflow.errors import ModelError, PlanError
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision

DTYPES = {"fp16": np.float16, "bf16": ml_dtypes.bfloat16}
AWKWARD = [0.0, -0.0, 65504, 65519.996, 65520, -65520, 1e5, 3.4e38, 6.1e-5, 5.96e-8, 2.98e-8, 2.9802326e-8, 1e-45]
TIES = [1 + 2**-11, 1 + 3 * 2**-11, 2049, 2051, -2049, 1 + 2**-8, 1 + 3 * 2**-8, 257, 259, np.inf, -np.inf, np.nan]


def identity() -> onnx.ModelProto:
    return model([node("Identity", "x", "y")], [info("x", ["N"])], [info("y", ["N"])])


def rounded(x: NDArray[np.float32], precision: str) -> NDArray[np.float32]:
    with np.errstate(all="ignore"):
        return x.astype(DTYPES[precision]).astype(np.float32)


def bits(x: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Bit patterns, all NaNs alike: a format may keep as few NaN payloads as it likes."""
    return np.where(np.isnan(x), np.float32(np.nan), x).view(np.uint32)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_overflow_subnormals_ties_and_signed_zeros_round_as_numpy_does(precision: Precision, level: str) -> None:
    x = np.asarray(AWKWARD + TIES, np.float32)
    emulated = run(instrument(identity(), PrecisionPlan(precision)), {"x": x}, level)[0]
    np.testing.assert_array_equal(bits(emulated), bits(rounded(x, precision)))


@settings(max_examples=25, deadline=None)
@given(
    pattern=hnp.arrays(np.uint32, 256),
    level=st.sampled_from(sorted(LEVELS)),
    precision=st.sampled_from(["fp16", "bf16"]),
)
def test_any_bit_pattern_rounds_bit_for_bit(pattern: NDArray[np.uint32], level: str, precision: Precision) -> None:
    x = pattern.view(np.float32)
    emulated = run(instrument(identity(), PrecisionPlan(precision)), {"x": x}, level)[0]
    np.testing.assert_array_equal(bits(emulated), bits(rounded(x, precision)))


def scale_chain() -> onnx.ModelProto:
    nodes = [node("Mul", "x k", "t", "up"), node("Div", "t k", "y", "down")]
    return model(nodes, [info("x", ["N"])], [info("y", ["N"])], [f32("k", 1000)])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (PrecisionPlan("fp32"), 100.0),
        (PrecisionPlan("fp16"), np.inf),
        (PrecisionPlan("fp16", {"up": "fp32"}), np.inf),  # the low consumer rounds what it reads
        (PrecisionPlan("fp16", {"down": "fp32"}), np.inf),  # the high consumer reads what was stored
        (PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"}), 100.0),
        (PrecisionPlan("bf16"), 100.0),
    ],
)
def test_a_value_beyond_the_range_overflows_where_it_is_stored(
    plan: PrecisionPlan, expected: float, level: str
) -> None:
    y = run(instrument(scale_chain(), plan), {"x": np.array([100], np.float32)}, level)[0]
    assert y[0] == pytest.approx(expected, rel=0.01)


def test_tensors_keep_their_names_and_carry_what_consumers_see() -> None:
    emulated = instrument(scale_chain(), PrecisionPlan("fp16", {"up": "fp32"}))
    emulated.graph.output.append(onnx.ValueInfoProto(name="t"))
    x = np.array([1.2345678], np.float32)
    np.testing.assert_array_equal(run(emulated, {"x": x})[1], x * np.float32(1000))


def test_each_tensor_is_rounded_once_however_many_read_it() -> None:
    nodes = [node("Neg", "x", "a"), node("Abs", "x", "b"), node("Exp", "x", "c"), node("Add", "a b", "d")]
    nodes.append(node("Add", "d c", "y"))
    net = model(nodes, [info("x", [4])], [info("y", [4])])
    graph = instrument(net, PrecisionPlan("fp16")).graph
    assert [n.input[0] for n in graph.node if n.op_type == "Cast" and n.attribute[0].i == 10] == [
        *("x", "c__raw", "d__raw", "y__raw"),
    ]


def test_a_plan_of_fp32_only_changes_nothing_but_pooling() -> None:
    net = conv_net()
    assert [op for op in ops(instrument(net, PrecisionPlan("fp32")).graph) if op != "MaxPool"] == [
        *("Conv", "BatchNormalization", "Relu", "ReduceSum", "Sum", "IsNaN", "If", "Conv", "Sigmoid", "Mul"),
        *("Resize", "Concat", "ConvTranspose"),
    ]


def test_the_argument_is_left_alone() -> None:
    net = conv_net()
    before = net.SerializeToString(deterministic=True)
    for rounding in ("tensor", "unit"):
        instrument(net, PrecisionPlan("fp16"), rounding)  # type: ignore[arg-type]
    assert net.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("rounding", ["tensor", "unit"])
def test_emulation_is_near_fp32_and_not_equal_to_it(rounding: str) -> None:
    net, feed = conv_net(), {"x": random(1, 3, 8, 8)}
    exact = run(net, feed)[0]
    low = run(instrument(net, PrecisionPlan("fp16"), rounding), feed)[0]  # type: ignore[arg-type]
    error = np.linalg.norm(low - exact) / np.linalg.norm(exact)
    assert 1e-5 < error < 3e-3


def folded_by_hand(precision: str) -> NDArray[np.float32]:
    """Relu(Conv·BN) with BatchNormalization folded, weights and input rounded, and the result rounded once."""
    x, w, b = random(1, 2, 5, 5), random(3, 2, 1, 1, seed=1), random(3, seed=2)
    scale, shift, mean, var = (np.abs(random(3, seed=s)) + 0.5 for s in (3, 4, 5, 6))
    factor = scale.astype(np.float64) / np.sqrt(var.astype(np.float64) + 1e-5)
    weight = rounded((w * factor[:, None, None, None]).astype(np.float32), precision)[:, :, 0, 0]
    bias = rounded(((b - mean) * factor + shift).astype(np.float32), precision)
    y = np.einsum("oc,nchw->nohw", weight, rounded(x, precision)) + bias[:, None, None]
    return rounded(np.maximum(y, 0).astype(np.float32), precision)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_unit_rounding_folds_batch_normalization_and_rounds_once(precision: Precision) -> None:
    nodes = [
        node("Conv", "x w b", "c"),
        node("BatchNormalization", "c scale shift mean var", "n"),
        node("Relu", "n", "y"),
    ]
    stats = {
        n: np.abs(random(3, seed=s)) + 0.5
        for n, s in zip(("scale", "shift", "mean", "var"), (3, 4, 5, 6), strict=True)
    }
    weights = [f32("w", random(3, 2, 1, 1, seed=1)), f32("b", random(3, seed=2))]
    weights += [f32(name, values) for name, values in stats.items()]
    net = model(nodes, [info("x", [1, 2, 5, 5])], [info("y", [1, 3, 5, 5])], weights)
    y = run(instrument(net, PrecisionPlan(precision), "unit"), {"x": random(1, 2, 5, 5)})[0]
    np.testing.assert_allclose(y, folded_by_hand(precision), rtol=2**-7 if precision == "bf16" else 2**-10)
    assert (y == folded_by_hand(precision)).mean() > 0.9


def test_unit_rounding_keeps_the_roundings_of_a_unit_that_is_not_wholly_low() -> None:
    plan = PrecisionPlan("fp16", {"n_n1": "fp32"})
    feed = {"x": random(1, 3, 8, 8)}
    unit, tensor = (run(instrument(conv_net(), plan, rounding), feed)[0] for rounding in ("unit", "tensor"))  # type: ignore[arg-type]
    nodes = [n.name for n in instrument(conv_net(), plan, "unit").graph.node if n.op_type == "Cast"]
    assert "c1__down" in nodes
    assert not np.array_equal(unit, tensor)  # the SiLU's inner tensors


@pytest.mark.parametrize("activation", ["Relu", "Clip", "HardSwish"])
def test_unit_rounding_rounds_what_leaves_the_unit(activation: str) -> None:
    given = "c zero six" if activation == "Clip" else "c"
    nodes = [node("Conv", "x w", "c"), node(activation, given, "y")]
    weights = [f32("w", random(3, 2, 1, 1)), *([f32("zero", 0), f32("six", 6)] if activation == "Clip" else [])]
    net = model(nodes, [info("x", [1, 2, 5, 5])], [info("y", [1, 3, 5, 5])], weights)
    y = run(instrument(net, PrecisionPlan("fp16"), "unit"), {"x": random(1, 2, 5, 5)})[0]
    np.testing.assert_array_equal(y, rounded(y, "fp16"))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (PrecisionPlan("fp16", {"n_c9": "fp32"}), "'n_c9'.*did you mean 'n_c.'"),
        (PrecisionPlan("int8"), "not int8"),
    ],
)
def test_plans_that_do_not_fit_are_refused(plan: PrecisionPlan, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        instrument(conv_net(), plan)


def test_nameless_nodes_are_refused() -> None:
    net = model([onnx.helper.make_node("Relu", ["x"], ["y"])], [info("x", [1])], [info("y", [1])])
    with pytest.raises(ModelError, match="Relu node has no name"):
        instrument(net, PrecisionPlan("fp16"))

"""Recurrent operators spelt out: the same numbers when nothing is rounded, a rule's numbers to the bit when it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal, get_args

import ml_dtypes
import numpy as np
import onnx
import pytest
from graph_models import LEVELS, accepted, f32, info, model, node, ops, random, run
from onnx import TensorProto, numpy_helper

from trtflow.emulation.activations import ALPHA, PLAIN
from trtflow.emulation.cells import GATES, Point
from trtflow.emulation.emulate import instrument
from trtflow.emulation.recurrent import ARITHMETIC, FUSED, STORED, can_spell_out, rounded_at, spelt_out
from trtflow.emulation.switchable import switchable
from trtflow.emulation.typed import emulate_typed
from trtflow.model.edit import clone, fresh_names, replace_nodes
from trtflow.model.opset import lower_opset
from trtflow.plan import PrecisionPlan
from trtflow.precision import Accumulation, Precision
from trtflow.rewriting.rewrite import rewrite

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from recurrent_steps import Rule, Weights, steps

LENGTH, BATCH, WIDTH, HIDDEN = 5, 3, 4, 6
SLOTS = ("x", "w", "r", "b", "n", "h", "c", "p")
NOTHING: frozenset[Point] = frozenset()
DIRECTIONS = ("forward", "reverse", "bidirectional")


def net(op: str, given: str = "x w r", opset: int = 17, **attributes: Any) -> onnx.ModelProto:
    """One operator that has the inputs ``given`` (n: lengths, h and c: states before, p: peepholes)."""
    gates, sides = GATES[op], 2 if attributes.get("direction") == "bidirectional" else 1
    first = attributes.get("layout", 0)
    state = (BATCH, sides, HIDDEN) if first else (sides, BATCH, HIDDEN)
    shapes = {
        "w": (sides, gates * HIDDEN, WIDTH),
        "r": (sides, gates * HIDDEN, HIDDEN),
        "b": (sides, 2 * gates * HIDDEN),
    }
    shapes |= {"h": state, "c": state, "p": (sides, 3 * HIDDEN)}
    tensors = [f32(name, random(*shapes[name], seed=i, scale=0.5)) for i, name in enumerate(shapes) if name in given]
    if "n" in given:
        tensors.append(numpy_helper.from_array(np.array([5, 2, 1], np.int32), "n"))
    inputs = " ".join(slot if slot in given else "-" for slot in SLOTS[: SLOTS.index(given.split()[-1]) + 1])
    outputs = {"y": ["b", "t", sides, HIDDEN] if first else ["t", sides, "b", HIDDEN]}
    outputs |= dict.fromkeys(
        ("yh", "yc") if op == "LSTM" else ("yh",), ["b", sides, HIDDEN] if first else [sides, "b", HIDDEN]
    )
    made = node(op, inputs, " ".join(outputs), "n0", hidden_size=HIDDEN, **attributes)
    x = info("x", ["b", "t", WIDTH] if first else ["t", "b", WIDTH])
    return model([made], [x], [info(name, shape) for name, shape in outputs.items()], tensors, opset)


def spelt(plain: onnx.ModelProto, points: frozenset[Point]) -> onnx.ModelProto:
    copy = clone(plain)
    (only,) = plain.graph.node
    version = plain.opset_import[0].version
    replace_nodes(copy.graph, spelt_out(only, "fp16", points, version, fresh_names(plain)))
    return accepted(copy)


def equal(plain: onnx.ModelProto, x: np.ndarray) -> None:
    for expected, found in zip(run(plain, {"x": x}), run(spelt(plain, NOTHING), {"x": x}), strict=True):
        assert expected.shape == found.shape
        np.testing.assert_allclose(found, expected, atol=2e-6)


X = random(LENGTH, BATCH, WIDTH)


@pytest.mark.parametrize("opset", [9, 12, 13, 18, 21])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("given", ["x w r", "x w r b", "x w r h", "x w r b n", "x w r n h"])
@pytest.mark.parametrize("op", sorted(GATES))
def test_unrounded_it_is_onnx_runtimes_operator(op: str, given: str, direction: str, opset: int) -> None:
    equal(net(op, given, opset, direction=direction), X)


VARIANTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "both states": ("LSTM", "x w r b h c", {}),
    "both states, lengths": ("LSTM", "x w r b n h c", {}),
    "peepholes": ("LSTM", "x w r b h c p", {}),
    "input_forget": ("LSTM", "x w r b", {"input_forget": 1}),
    "peepholes, input_forget": ("LSTM", "x w r b p", {"input_forget": 1}),
    "LSTM, clip": ("LSTM", "x w r b h c p", {"clip": 0.4}),
    "GRU, clip": ("GRU", "x w r b", {"clip": 0.4}),
    "RNN, clip": ("RNN", "x w r b", {"clip": 0.4}),
    "linear_before_reset": ("GRU", "x w r b h", {"linear_before_reset": 1}),
    "linear_before_reset, no bias": ("GRU", "x w r", {"linear_before_reset": 1}),
    "named without case": ("GRU", "x w r", {"activations": ["sigmoid", "tanh"]}),
    "piecewise": ("GRU", "x w r", {"activations": ["HardSigmoid", "LeakyRelu"]}),
    "soft": ("GRU", "x w r", {"activations": ["Softsign", "Softplus"]}),
    "relu": ("RNN", "x w r", {"activations": ["Relu"]}),
    "parameters in order": (
        *("LSTM", "x w r"),
        {"activations": ["HardSigmoid", "Elu", "ScaledTanh"], "activation_alpha": [0.3, 0.7, 1.5]}
        | {"activation_beta": [0.4, 0.8]},
    ),
    "parameters of those that take them": (
        *("LSTM", "x w r"),
        {
            "activations": ["Sigmoid", "Affine", "ThresholdedRelu"],
            "activation_alpha": [0.5, 0.1],
            "activation_beta": [0.1],
        },
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_unrounded_every_variant_is_onnx_runtimes(variant: str) -> None:
    op, given, attributes = VARIANTS[variant]
    equal(net(op, given, **attributes), X)


@pytest.mark.parametrize("activation", sorted({*PLAIN, *ALPHA}))
def test_a_parameter_that_is_missing_is_what_onnx_runtime_takes(activation: str) -> None:
    equal(net("RNN", activations=[activation]), X)


def test_each_direction_has_its_own_activations() -> None:
    equal(net("RNN", direction="bidirectional", activations=["HardSigmoid", "Elu"], activation_alpha=[0.4, 0.5]), X)


@pytest.mark.parametrize("op", sorted(GATES))
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_with_the_batch_first_the_numbers_are_those_of_the_batch_second(op: str, direction: str) -> None:
    second = run(spelt(net(op, "x w r b h", direction=direction), NOTHING), {"x": X})
    swapped = net(op, "x w r b h", direction=direction, layout=1)
    (state,) = (t for t in swapped.graph.initializer if t.name == "h")
    original = next(t for t in net(op, "x w r b h", direction=direction).graph.initializer if t.name == "h")
    state.CopyFrom(f32("h", numpy_helper.to_array(original).swapaxes(0, 1)))
    first = run(spelt(swapped, NOTHING), {"x": X.swapaxes(0, 1)})
    np.testing.assert_array_equal(first[0], second[0].transpose(2, 0, 1, 3))
    for found, expected in zip(first[1:], second[1:], strict=True):
        np.testing.assert_array_equal(found, expected.swapaxes(0, 1))


def test_outputs_that_are_left_out_are_not_made() -> None:
    plain = net("LSTM")
    plain.graph.node[0].output[:] = ["", "", "yc"]
    del plain.graph.output[:2]
    (found,) = run(spelt(plain, NOTHING), {"x": X})
    np.testing.assert_allclose(found, run(net("LSTM"), {"x": X})[2], atol=2e-6)


@pytest.mark.parametrize(
    ("made", "opset", "expected"),
    [
        (node("LSTM", "x w r", "y"), 9, True),
        (node("LSTM", "x w r", "y"), 8, False),
        (node("RNN", "x w r", "y", activations=["Gelu"]), 17, False),
        (node("Relu", "x", "y"), 17, False),
        (node("LSTM", "x w r", "y", domain="com.example"), 17, False),
    ],
)
def test_what_can_be_spelt_out(made: onnx.NodeProto, opset: int, expected: bool) -> None:
    assert can_spell_out(made, opset) is expected


@pytest.mark.parametrize(
    ("rounding", "precision", "accumulation", "expected"),
    [
        ("unit", "fp16", "fp32", FUSED),
        ("unit", "bf16", "fp32", FUSED),
        ("unit", "fp16", "fp16", FUSED | {"sums"}),
        ("tensor", "fp16", "fp32", ARITHMETIC),
        ("tensor", "fp16", "fp16", ARITHMETIC | {"sums"}),
        ("tensor", "bf16", "fp32", STORED),
        ("tensor", "bf16", "fp16", STORED),
    ],
)
def test_a_step_computes_in_fp16_at_worst_and_in_bf16_stores_alone(
    rounding: Literal["tensor", "unit"], precision: Precision, accumulation: Accumulation, expected: frozenset[Point]
) -> None:
    assert rounded_at(rounding, precision, accumulation) == expected


RULED: tuple[Literal["tensor", "unit"], ...] = ("tensor", "unit")


def coarse(*shape: int, seed: int) -> np.ndarray:
    """Eighths up to ±1: sums of their products with FP16 numbers below 1 are exact in FP32, in any order."""
    return np.random.default_rng(seed).integers(-8, 9, shape).astype(np.float32) / 8


def against_numpy(op: str, length: int = 40) -> tuple[onnx.ModelProto, Weights, np.ndarray]:
    rows = GATES[op] * HIDDEN
    weights = Weights(op, coarse(rows, WIDTH, seed=1), coarse(rows, HIDDEN, seed=2), coarse(2 * rows, seed=3))
    plain = net(op, "x w r b", **({"linear_before_reset": 1} if op == "GRU" else {}))
    for tensor in plain.graph.initializer:
        tensor.CopyFrom(f32(tensor.name, getattr(weights, tensor.name)[None]))
    return plain, weights, random(length, BATCH, WIDTH, seed=5)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("accumulation", ["fp32", "fp16"])
@pytest.mark.parametrize("rounding", RULED)
@pytest.mark.parametrize("op", sorted(GATES))
def test_a_rule_gives_the_bits_that_numpy_gives(
    op: str, rounding: Literal["tensor", "unit"], accumulation: Accumulation, level: str
) -> None:
    plain, weights, x = against_numpy(op)
    expected = steps(weights, x, Rule(rounded_at(rounding, "fp16", accumulation)))
    found = run(instrument(plain, PrecisionPlan("fp16"), rounding, accumulation), {"x": x}, level)[0][:, 0]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("point", get_args(Point))
@pytest.mark.parametrize("op", sorted(GATES))
def test_each_point_alone_is_rounded_as_in_numpy(op: str, point: Point) -> None:
    plain, weights, x = against_numpy(op, 3)
    for tensor in plain.graph.initializer:
        assert np.array_equal(numpy_helper.to_array(tensor).astype(np.float16), numpy_helper.to_array(tensor))
    x = x.astype(np.float16).astype(np.float32)
    points: frozenset[Point] = frozenset({point})
    found = run(spelt(plain, points), {"x": x})[0][:, 0]
    np.testing.assert_allclose(found, steps(weights, x, Rule(points)), atol=1e-6)
    same = (op != "LSTM" and point == "cell") or (op == "RNN" and point == "products")
    plainly = run(spelt(plain, NOTHING), {"x": x})[0][:, 0]
    assert np.array_equal(found, plainly) == same


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("op", ["LSTM", "RNN"])
def test_every_output_is_of_the_format(op: str, precision: Precision) -> None:
    dtype = {"fp16": np.float16, "bf16": ml_dtypes.bfloat16}[precision]
    made = instrument(net(op, "x w r b h", opset=22), PrecisionPlan(precision))
    lower_opset(made)
    for found in run(made, {"x": X}):
        np.testing.assert_array_equal(found.astype(dtype).astype(np.float32), found)


def test_the_state_is_rounded_from_step_to_step() -> None:
    """h + 2⁻¹² is h again in FP16 where h ≥ 1, however long it goes on."""
    plain = net("RNN", "x w r b", activations=["Affine"], activation_alpha=[1.0])
    values = {"w": np.zeros((1, HIDDEN, WIDTH)), "r": np.eye(HIDDEN)[None], "b": np.full((1, 2 * HIDDEN), 2.0**-12)}
    for tensor in plain.graph.initializer:
        tensor.CopyFrom(f32(tensor.name, values[tensor.name]))
    x = np.zeros((1000, 1, WIDTH), np.float32)
    plain.graph.node[0].input.extend(["", "h"])
    plain.graph.initializer.append(f32("h", np.ones((1, 1, HIDDEN))))
    last = run(instrument(plain, PrecisionPlan("fp16")), {"x": x})[1]
    np.testing.assert_array_equal(last, np.ones_like(last))
    assert run(plain, {"x": x})[1].min() == pytest.approx(1 + 2000 * 2.0**-12)


def test_a_node_in_fp32_stays_the_operator_that_it_is() -> None:
    made = instrument(net("GRU"), PrecisionPlan("fp16", {"n0": "fp32"}))
    assert "GRU" in ops(made.graph)
    assert "Scan" not in ops(made.graph)
    assert ops(instrument(net("GRU", opset=8), PrecisionPlan("fp16")).graph).count("GRU") == 1


@pytest.mark.parametrize("activation", ["Relu", "ThresholdedRelu", "LeakyRelu", "Tanh", "HardSigmoid"])
@pytest.mark.parametrize("clip", [{}, {"clip": 2.0}], ids=["", "clip"])
def test_nan_stays_in_the_state_that_it_reached_and_reaches_no_other_sequence(
    activation: str, clip: dict[str, Any]
) -> None:
    x = X.copy()
    x[2, 1] = np.nan
    y = run(instrument(net("RNN", activations=[activation], **clip), PrecisionPlan("fp16")), {"x": x})[0][:, 0]
    expected = np.zeros((LENGTH, BATCH), bool)
    expected[2:, 1] = True
    np.testing.assert_array_equal(np.isnan(y), np.broadcast_to(expected[..., None], y.shape))


def test_a_cell_that_overflows_is_infinite_and_saturates_its_output() -> None:
    plain = net("LSTM", "x w r h c")
    for tensor in plain.graph.initializer:
        if tensor.name == "c":
            tensor.CopyFrom(f32("c", np.full((1, BATCH, HIDDEN), 65504)))
        elif tensor.name != "h":
            tensor.CopyFrom(f32(tensor.name, np.zeros(tensor.dims)))
    plain.graph.node[0].attribute.append(onnx.helper.make_attribute("activations", ["Affine", "Affine", "Tanh"]))
    plain.graph.node[0].attribute.append(onnx.helper.make_attribute("activation_alpha", [0.0, 0.0]))
    plain.graph.node[0].attribute.append(onnx.helper.make_attribute("activation_beta", [2.0, 0.0]))
    y, _, c = run(instrument(plain, PrecisionPlan("fp16")), {"x": X})
    assert np.isposinf(c).all()
    assert (y == 2).all()


@pytest.mark.parametrize("accumulation", ["fp32", "fp16"])
@pytest.mark.parametrize("opset", [12, 17])
@pytest.mark.parametrize("op", sorted(GATES))
def test_the_rewritten_file_emulated_as_typed_gives_the_bits_of_the_plan(
    op: str, opset: int, accumulation: Accumulation
) -> None:
    plain, plan = net(op, "x w r b h", opset, direction="bidirectional"), PrecisionPlan("fp16")
    planned = instrument(plain, plan, accumulation=accumulation)
    typed = emulate_typed(rewrite(plain, plan).model, accumulation)
    assert ops(typed.graph).count("Scan") == {"fp32": 2, "fp16": 4}[accumulation]
    for expected, found in zip(run(planned, {"x": X}), run(typed, {"x": X}), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_file_in_fp16_with_lengths_is_emulated_as_well() -> None:
    plain = net("LSTM", "x w r b n h c")
    typed = clone(plain)
    for tensor in typed.graph.initializer:
        if tensor.name != "n":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for value in (*typed.graph.input, *typed.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    found = run(emulate_typed(typed), {"x": X.astype(np.float16)})
    for made, expected in zip(found, run(plain, {"x": X}), strict=True):
        np.testing.assert_allclose(made, expected, atol=3e-3)
    assert not found[0][2:, 0, 1].any()


@pytest.mark.parametrize("chosen", ["fp16", "fp32"])
@pytest.mark.parametrize("op", sorted(GATES))
def test_a_switch_chooses_between_the_steps_and_the_operator(op: str, chosen: Precision) -> None:
    plain, plan = net(op, "x w r b h"), PrecisionPlan(chosen)
    switched = switchable(plain, "fp16")
    found = run(switched.model, {"x": X, **switched.feed(plan)})
    for made, expected in zip(found, run(instrument(plain, plan), {"x": X}), strict=True):
        np.testing.assert_array_equal(made, expected)


def test_a_recurrent_node_in_a_branch_is_spelt_out_there() -> None:
    inner = net("GRU", "x w r b h")
    body = onnx.helper.make_graph(inner.graph.node, "then", [], inner.graph.output, [])
    other = clone(inner).graph
    other.node[0].name = "n1"
    for index, name in enumerate(other.node[0].output):
        other.node[0].output[index] = other.output[index].name = f"{name}_else"
    outer = node("If", "k", "all last", "choice", then_branch=body)
    outer.attribute.append(
        onnx.helper.make_attribute("else_branch", onnx.helper.make_graph(other.node, "else", [], other.output, []))
    )
    ends = [info("all", ["t", 1, "b", HIDDEN]), info("last", [1, "b", HIDDEN])]
    plain = model([outer], [inner.graph.input[0], info("k", [], TensorProto.BOOL)], ends, inner.graph.initializer)
    expected = run(instrument(inner, PrecisionPlan("fp16")), {"x": X})
    for choice in (True, False):
        found = run(instrument(plain, PrecisionPlan("fp16")), {"x": X, "k": np.array(choice)})
        for made, wanted in zip(found, expected, strict=True):
            np.testing.assert_array_equal(made, wanted)

"""The mixed model: what every existing converter breaks on (each case is named after what is in the graph)."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import onnx
import pytest
from graph_models import accepted, casts, conv_net, f32, i64, info, model, node, ops, random, run
from onnx import TensorProto, helper

from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.errors import PlanError
from trtflow.model.analysis import candidates
from trtflow.model.load import prepare
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.promotion import legalize
from trtflow.rewriting.rewrite import rewrite

LOW = PrecisionPlan("fp16")


def elems(proto: onnx.ModelProto) -> dict[str, str]:
    """Initializer name → its type."""
    return {t.name: TensorProto.DataType.Name(t.data_type) for t in proto.graph.initializer}


# Older versions, the last ones for Python 3.10, lay out convolutions differently in the two graphs and so add up
# their products in another order.
SAME_ORDER = tuple(map(int, version("onnxruntime").split(".")[:2])) >= (1, 30)


def assert_agrees(net: onnx.ModelProto, plan: PrecisionPlan, feed: dict[str, object]) -> onnx.ModelProto:
    """The rewrite of ``net``, accepted by onnx and giving the emulator's numbers bit for bit."""
    mixed = accepted(rewrite(net, plan).model)
    legal = legalize(net, plan).plan
    for a, b in zip(run(instrument(net, legal), feed), run(emulate_typed(mixed), feed), strict=True):
        np.testing.assert_allclose(a, b, rtol=0 if SAME_ORDER else 1e-3, atol=0 if SAME_ORDER else 1e-5)
    return mixed


def plans() -> list[PrecisionPlan]:
    names = [n.name for n in candidates(conv_net())]
    cases = [PrecisionPlan("fp16"), PrecisionPlan("bf16"), PrecisionPlan("fp32")]
    for seed in range(4):
        picks = np.random.default_rng(seed).choice(["fp32", "fp16", "bf16"], len(names))
        cases.append(PrecisionPlan("fp32", dict(zip(names, map(str, picks), strict=True))))  # type: ignore[arg-type]
    return cases


@pytest.mark.parametrize("plan", plans())
def test_a_convolutional_net_agrees_with_the_emulator_under_any_plan(plan: PrecisionPlan) -> None:
    assert_agrees(conv_net(), plan, {"x": random(2, 3, 8, 8)})


def test_one_cast_per_tensor_and_format_shared_by_all_readers() -> None:
    nodes = [node("Relu", "x", "r"), *(node("Neg", "r", f"n{i}") for i in range(3)), node("Sum", "n0 n1 n2", "y")]
    net = model(nodes, [info("x", [4])], [info("y", [4])])
    plan = PrecisionPlan("fp16", {"n_r": "fp32", "n_n2": "bf16"})
    mixed = assert_agrees(net, plan, {"x": random(4)})
    assert casts(mixed.graph) == [("r", "fp16"), ("r", "bf16"), ("n2", "fp16"), ("y__fp16", "fp32")]


def test_a_bf16_tensor_becomes_fp16_directly() -> None:
    net = model([node("Relu", "x", "r"), node("Neg", "r", "y")], [info("x", [4])], [info("y", [4])])
    mixed = assert_agrees(net, PrecisionPlan("fp16", {"n_r": "bf16"}), {"x": random(4)})
    assert casts(mixed.graph) == [("x", "bf16"), ("r", "fp16"), ("y__fp16", "fp32")]


def test_a_weight_read_in_two_formats_is_split_and_rounded_offline() -> None:
    nodes = [node("MatMul", "x w", "a"), node("MatMul", "a w", "b"), node("MatMul", "b w", "y")]
    net = model(nodes, [info("x", [2, 4])], [info("y", [2, 4])], [f32("w", random(4, 4))])
    mixed = assert_agrees(net, PrecisionPlan("fp16", {"n_b": "fp32", "n_y": "bf16"}), {"x": random(2, 4)})
    assert elems(mixed) == {"w": "FLOAT", "w__fp16": "FLOAT16", "w__bf16": "BFLOAT16"}
    assert all(source not in elems(mixed) for source, _ in casts(mixed.graph))


def test_a_weight_that_is_read_low_only_leaves_no_fp32_copy() -> None:
    net = model([node("MatMul", "x w", "y")], [info("x", [2, 4])], [info("y", [2, 4])], [f32("w", random(4, 4))])
    assert elems(assert_agrees(net, LOW, {"x": random(2, 4)})) == {"w__fp16": "FLOAT16"}


@pytest.mark.parametrize("attribute", ["value", "value_float", "value_floats"])
def test_constant_nodes_are_split_as_initializers_are(attribute: str) -> None:
    held = {"value": f32("", 2.5), "value_float": 2.5, "value_floats": [2.5]}[attribute]
    nodes = [node("Constant", "", "c", **{attribute: held}), node("Mul", "x c", "a"), node("Mul", "a c", "y")]
    net = model(nodes, [info("x", [4])], [info("y", [4])])
    mixed = assert_agrees(net, PrecisionPlan("fp16", {"n_y": "fp32"}), {"x": random(4)})
    assert (elems(mixed), casts(mixed.graph)) == ({"c__fp16": "FLOAT16"}, [("x", "fp16"), ("a", "fp32")])


@pytest.mark.parametrize(
    ("value", "precision", "promoted"),
    [
        (1e5, "fp16", True),
        (-1e9, "fp16", True),
        (-3.4028235e38, "fp16", True),
        (-3.4028235e38, "bf16", True),
        (65519.0, "fp16", False),
        (4e4, "fp16", False),
        (1e5, "bf16", False),
        (np.inf, "fp16", False),
        (-np.inf, "fp16", False),
        (1e-9, "fp16", False),
    ],
)
def test_a_finite_constant_that_would_become_infinite_keeps_its_node_in_fp32(
    value: float, precision: str, promoted: bool
) -> None:
    net = model([node("Add", "x c", "y", "mask")], [info("x", [4])], [info("y", [4])], [f32("c", value)])
    result = rewrite(net, PrecisionPlan(precision))  # type: ignore[arg-type]
    assert list(result.promoted) == (["mask"] if promoted else [])
    if promoted:
        assert "constant c reaches" in result.promoted["mask"]
        assert elems(result.model) == {"c": "FLOAT"}


def test_a_constant_of_4e4_and_a_weight_shared_with_a_blocked_node() -> None:
    nodes = [
        node("MatMul", "x w", "a"),
        node("Mul", "a big", "b"),
        node("MatMul", "b w", "c"),
        node("Div", "c big", "y"),
    ]
    net = model(nodes, [info("x", [2, 4])], [info("y", [2, 4])], [f32("w", random(4, 4)), f32("big", 4e4)])
    mixed = assert_agrees(net, PrecisionPlan("fp16", {"n_c": "fp32"}), {"x": random(2, 4) * 1e-3})
    assert elems(mixed) == {"w": "FLOAT", "w__fp16": "FLOAT16", "big__fp16": "FLOAT16"}


def test_the_fan_out_of_a_tensor_beyond_the_range_stays_exact_when_all_are_blocked() -> None:
    nodes = [node("Mul", "x k", "t", "up"), node("Div", "t k", "a"), node("Sqrt", "t", "b"), node("Add", "a b", "y")]
    net = model(nodes, [info("x", [4])], [info("y", [4])], [f32("k", 4.4e4)])
    feed = {"x": np.full(4, 10, np.float32)}
    mixed = assert_agrees(net, PrecisionPlan("fp32"), feed)
    assert casts(mixed.graph) == []
    some = assert_agrees(net, PrecisionPlan("fp32", {"n_y": "fp16"}), feed)
    np.testing.assert_allclose(run(emulate_typed(some), feed)[0], run(net, feed)[0], rtol=1e-3)


def test_rms_norm_with_a_blocked_square() -> None:
    nodes = [
        node("Pow", "x two", "sq"),
        node("ReduceMean", "sq", "m", axes=[-1]),
        node("Add", "m eps", "e"),
        node("Sqrt", "e", "s"),
        node("Div", "x s", "y"),
    ]
    net = model(nodes, [info("x", [2, 8])], [info("y", [2, 8])], [f32("two", 2), f32("eps", 1e-5)])
    feed = {"x": random(2, 8) * 12000}
    np.testing.assert_array_equal(run(emulate_typed(assert_agrees(net, LOW, feed)), feed)[0], 0)  # x / inf
    kept = assert_agrees(net, LOW.assign(["n_sq", "n_m", "n_e", "n_s"], "fp32"), feed)
    np.testing.assert_allclose(run(emulate_typed(kept), feed)[0], run(net, feed)[0], rtol=2e-3)


def test_where_with_the_lowest_fp32_number_stays_fp32_and_is_not_clamped() -> None:
    nodes = [node("Where", "c x low", "w"), node("Softmax", "w", "y")]
    inputs = [info("c", [2, 4], TensorProto.BOOL), info("x", [2, 4])]
    net = model(nodes, inputs, [info("y", [2, 4])], [f32("low", -3.4028235e38)])
    feed = {"c": np.array([[1, 1, 0, 0], [1, 1, 1, 1]], bool), "x": random(2, 4)}
    assert list(rewrite(net, LOW).promoted) == ["n_w"]
    assert_agrees(net, LOW, feed)


def test_a_float_shape_chain_with_an_odd_size_beyond_2048() -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Cast", "s", "f", to=TensorProto.FLOAT),
        node("Mul", "f two", "d"),
        node("Cast", "d", "i", to=TensorProto.INT64),
        node("Relu", "x", "r"),
        node("Resize", "r - - i", "y", mode="nearest"),
    ]
    net = model(nodes, [info("x", [1, 1, 2051])], [info("y", None)], [f32("two", [1, 1, 2])], producer_name="t")
    net.graph.output[0].CopyFrom(info("y", ["a", "b", "c"]))
    assert [n.name for n in candidates(net)] == ["n_r", "n_y"]
    assert run(emulate_typed(assert_agrees(net, LOW, {"x": random(1, 1, 2051)})), {"x": random(1, 1, 2051)})[
        0
    ].shape == (
        1,
        1,
        4102,
    )


def test_nms_topk_and_resize_keep_their_fp32_slots() -> None:
    nodes = [
        node("NonMaxSuppression", "boxes scores k iou", "picked"),
        node("TopK", "scores k", "best index"),
        node("Resize", "best4 - scales", "y", mode="linear"),
        node("Unsqueeze", "best zero", "best4"),
    ]
    nodes = [nodes[0], nodes[1], nodes[3], nodes[2]]
    weights = [i64("k", [2]), f32("iou", [0.5]), f32("scales", [1, 1, 1, 2]), i64("zero", [0])]
    outputs = [info("picked", ["n", 3], TensorProto.INT64), info("y", [1, 1, 1, 4])]
    net = model(nodes, [info("boxes", [1, 6, 4]), info("scores", [1, 1, 6])], outputs, weights)
    feed = {"boxes": np.abs(random(1, 6, 4)), "scores": random(1, 1, 6)}
    mixed = assert_agrees(net, LOW, feed)
    assert elems(mixed) == {"k": "INT64", "iou": "FLOAT", "scales": "FLOAT", "zero": "INT64"}
    assert casts(mixed.graph) == [("scores", "fp16"), ("y__fp16", "fp32")]


def test_an_output_that_is_read_inside_as_well() -> None:
    nodes = [node("Relu", "x", "r"), node("Neg", "r", "a"), node("Exp", "r", "b")]
    outputs = [info("r", [4]), info("a", [4]), info("b", [4])]
    net = model(nodes, [info("x", [4])], outputs)
    mixed = assert_agrees(net, PrecisionPlan("fp16", {"n_b": "fp32"}), {"x": random(4)})
    assert casts(mixed.graph) == [("x", "fp16"), ("r__fp16", "fp32"), ("a__fp16", "fp32")]


def test_an_input_that_is_an_output_and_an_unused_input() -> None:
    net = model([node("Relu", "x", "y")], [info("x", [4]), info("u", [1])], [info("x", [4]), info("y", [4])])
    mixed = assert_agrees(net, LOW, {"x": random(4), "u": random(1)})
    assert [i.name for i in mixed.graph.input] == ["x", "u"]
    assert [o.name for o in mixed.graph.output] == ["x", "y"]


def test_names_types_dimensions_and_metadata_survive() -> None:
    net = conv_net()
    net.metadata_props.add(key="author", value="me")
    net.graph.node[0].doc_string = "first"
    net.graph.doc_string = "a net"
    net.producer_name, net.domain, net.model_version = "exporter", "test", 7
    mixed = rewrite(net, LOW).model
    for field in ("metadata_props", "producer_name", "domain", "model_version", "opset_import", "ir_version"):
        assert getattr(mixed, field) == getattr(net, field)
    assert (mixed.graph.input, mixed.graph.output) == (net.graph.input, net.graph.output)
    assert (mixed.graph.doc_string, mixed.graph.name) == (net.graph.doc_string, net.graph.name)
    kept = [n for n in mixed.graph.node if n.op_type != "Cast"]
    assert [(n.name, n.op_type, n.attribute, n.doc_string) for n in kept] == [
        (n.name, n.op_type, n.attribute, n.doc_string) for n in net.graph.node
    ]


@pytest.mark.parametrize(
    ("precision", "opset", "expected"),
    [("fp16", 13, 13), ("fp16", 17, 17), ("bf16", 13, 22), ("bf16", 17, 22), ("bf16", 23, 23), ("fp32", 13, 13)],
)
def test_the_opset_is_raised_only_for_a_format_that_needs_it(precision: str, opset: int, expected: int) -> None:
    net = conv_net()
    net.opset_import[0].version = opset
    mixed = assert_agrees(net, PrecisionPlan(precision), {"x": random(1, 3, 8, 8)})  # type: ignore[arg-type]
    assert mixed.opset_import[0].version == expected


def test_the_bytes_are_the_same_every_time_and_the_argument_is_left_alone() -> None:
    net = conv_net()
    before = net.SerializeToString(deterministic=True)
    first, second = (rewrite(net, PrecisionPlan("fp16", {"n_r1": "fp32"})).model for _ in range(2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)
    assert net.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    ("nodes", "attribute", "elem"),
    [
        ([node("RandomUniform", "", "y", shape=[4], dtype=1, seed=1.0)], "dtype", TensorProto.FLOAT),
        ([node("EyeLike", "i", "y", dtype=1)], "dtype", TensorProto.FLOAT),
        ([node("Cast", "i", "y", to=1)], "to", TensorProto.FLOAT16),
    ],
)
def test_attributes_that_name_a_type_follow_it(nodes: list[onnx.NodeProto], attribute: str, elem: int) -> None:
    inputs = [info("i", [4, 4], TensorProto.INT64)] if nodes[0].input else []
    net = model(nodes, inputs, [info("y", [4, 4] if inputs else [4])])
    mixed = accepted(rewrite(net, LOW).model)
    assert next(a.i for a in mixed.graph.node[0].attribute if a.name == attribute) == elem


@pytest.mark.parametrize("value", [None, 3.25])
def test_constant_of_shape_holds_a_value_of_its_format(value: float | None) -> None:
    held = {} if value is None else {"value": f32("", [value])}
    nodes = [node("ConstantOfShape", "s", "c", **held), node("Add", "x c", "y")]
    net = model(nodes, [info("x", [4])], [info("y", [4])], [i64("s", [4])])
    assert_agrees(net, LOW, {"x": random(4)})
    assert_agrees(net, PrecisionPlan("fp32", {"n_c": "bf16"}), {"x": random(4)})


def test_a_constant_of_shape_beyond_the_range_stays_fp32() -> None:
    nodes = [node("ConstantOfShape", "s", "c", value=f32("", [1e9])), node("Add", "x c", "y")]
    net = model(nodes, [info("x", [4])], [info("y", [4])], [i64("s", [4])])
    assert list(rewrite(net, LOW).promoted) == ["n_c"]


def test_optional_inputs_and_empty_tensors() -> None:
    nodes = [node("Clip", "x - six", "c"), node("Concat", "c none", "k", axis=0), node("Relu", "k", "y")]
    net = model(nodes, [info("x", [4])], [info("y", [4])], [f32("six", 6), f32("none", np.zeros(0))])
    assert_agrees(net, LOW, {"x": random(4)})


def test_operators_of_other_domains_stay_fp32() -> None:
    nodes = [node("Relu", "x", "r"), node("Gelu", "r", "g", domain="com.microsoft"), node("Neg", "g", "y")]
    net = model(nodes, [info("x", [4])], [info("y", [4])])
    net.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    net.graph.value_info.append(info("g", [4]))
    mixed = rewrite(net, LOW).model
    assert casts(mixed.graph) == [("x", "fp16"), ("r", "fp32"), ("g", "fp16"), ("y__fp16", "fp32")]


def test_squares_of_a_layer_norm_behind_a_cast_become_products() -> None:
    """ONNX Runtime's LayerNormFusion fails to load the model otherwise."""
    nodes = [
        node("Relu", "x", "r"),
        node("ReduceMean", "r", "m", axes=[-1]),
        node("Sub", "r m", "c"),
        node("Pow", "c two", "p"),
        node("ReduceMean", "p", "v", axes=[-1]),
        node("Add", "v eps", "e"),
        node("Sqrt", "e", "s"),
        node("Div", "c s", "d"),
        node("Mul", "d g", "y"),
    ]
    net = model(
        nodes, [info("x", [2, 8])], [info("y", [2, 8])], [f32("two", 2), f32("eps", 1e-5), f32("g", random(8))]
    )
    result = rewrite(net, PrecisionPlan("fp32", {"n_r": "fp16"}))
    assert "Pow" not in ops(result.model.graph)
    assert len(result.notes) == 1
    feed = {"x": random(2, 8)}
    np.testing.assert_allclose(run(result.model, feed)[0], run(net, feed)[0], atol=2e-3)


def test_a_plan_for_another_model_is_refused() -> None:
    with pytest.raises(PlanError, match="does not have"):
        rewrite(conv_net(), PrecisionPlan("fp16", {"nobody": "fp32"}))


@pytest.mark.parametrize("elem", [TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_a_model_that_arrived_low_keeps_its_interface_without_chains_of_casts(elem: int) -> None:
    weight = helper.make_tensor("w", elem, [4, 4], random(4, 4).ravel().tolist())
    nodes = [node("MatMul", "x w", "a"), node("Relu", "a", "y")]
    net, _ = prepare(model(nodes, [info("x", [2, 4], elem)], [info("y", [2, 4], elem)], [weight], opset=22))
    assert casts(net.graph) == [("x", "fp32"), ("y__fp32", "fp16" if elem == 10 else "bf16")]
    name = "fp16" if elem == TensorProto.FLOAT16 else "bf16"
    mixed = accepted(rewrite(net, PrecisionPlan(name)).model)  # type: ignore[arg-type]
    assert casts(mixed.graph) == []
    assert [v.type.tensor_type.elem_type for v in (*mixed.graph.input, *mixed.graph.output)] == [elem, elem]
    kept = accepted(rewrite(net, PrecisionPlan(name, {"n_a": "fp32"})).model)  # type: ignore[arg-type]
    assert casts(kept.graph) == [("x", "fp32"), ("a", name)]

from __future__ import annotations

from math import inf

import onnx
import pytest
from graph_models import f32, info, model, node, random

from trtflow.model.analysis import analyse
from trtflow.qdq.placement import Activation, Site, Weight, site_units, sites, suspicions


def found(nodes: list[onnx.NodeProto], shape: tuple[int, ...], weights: list[onnx.TensorProto]) -> dict[str, Site]:
    inputs = [info(name, shape) for name in ("x", "z")]
    outputs = [info(nodes[-1].output[0], None)]
    return {site.node: site for site in sites(analyse(model(nodes, inputs, outputs, weights)))}


AXES = {
    "Conv": (node("Conv", "x w", "y"), (1, 4, 5, 5), (6, 4, 3, 3), 0),
    "ConvTranspose": (node("ConvTranspose", "x w", "y"), (1, 4, 5, 5), (4, 6, 3, 3), 1),
    "grouped ConvTranspose": (node("ConvTranspose", "x w", "y", group=2), (1, 4, 5, 5), (4, 3, 3, 3), None),
    "Gemm": (node("Gemm", "x w", "y"), (2, 4), (4, 6), 1),
    "Gemm, transposed": (node("Gemm", "x w", "y", transB=1), (2, 4), (6, 4), 0),
    "MatMul": (node("MatMul", "x w", "y"), (2, 4), (4, 6), 1),
    "MatMul of a stack": (node("MatMul", "x w", "y"), (3, 2, 4), (3, 4, 6), None),
}


@pytest.mark.parametrize(("proto", "shape", "weight", "axis"), AXES.values(), ids=AXES)
def test_weights_have_a_scale_per_output_channel_where_the_operator_allows(
    proto: onnx.NodeProto, shape: tuple[int, ...], weight: tuple[int, ...], axis: int | None
) -> None:
    site = found([proto], shape, [f32("w", random(*weight))])["n_y"]
    assert site == Site("n_y", proto.op_type, (Activation("n_y", 0, "x"),), (Weight(1, "w", axis),), True)
    assert site.tensors == ("x",)


LEFT_ALONE = {
    "two computed operands of a Conv": ([node("Conv", "x z", "y")], (1, 4, 5, 5)),
    "an Add of a bias": ([node("Add", "x w", "y")], (4, 4)),
    "an Add of two inputs": ([node("Add", "x z", "y")], (4, 4)),
    "an Add of a tensor to itself": ([node("MatMul", "x w", "a"), node("Add", "a a", "y")], (4, 4)),
    "pooling": ([node("GlobalAveragePool", "x", "y")], (1, 4, 5, 5)),
    "constants alone": ([node("MatMul", "w w", "a"), node("Add", "x a", "y")], (4,)),
}


@pytest.mark.parametrize(("nodes", "shape"), LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_places_that_get_no_pair(nodes: list[onnx.NodeProto], shape: tuple[int, ...]) -> None:
    assert {name for name in found(nodes, shape, [f32("w", random(4, 4))]) if name == "n_y"} == set()


def test_two_activations_of_a_product_have_a_pair_each() -> None:
    site = found([node("MatMul", "x z", "y")], (4, 4), [])["n_y"]
    assert (site.activations, site.weights) == ((Activation("n_y", 0, "x"), Activation("n_y", 1, "z")), ())
    squared = found([node("MatMul", "x x", "y")], (4, 4), [])["n_y"]
    assert squared.tensors == ("x",)


def padded(*more: onnx.NodeProto) -> dict[str, Site]:
    pads = onnx.numpy_helper.from_array(random(8).astype("int64") * 0 + 1, "pads")
    nodes = [node("Pad", "x pads", "p"), *more, node("Conv", "p w", "y")]
    return found(nodes, (1, 4, 5, 5), [f32("w", random(6, 4, 3, 3)), pads])


def test_the_pair_goes_before_a_pad_that_nobody_else_reads() -> None:
    assert padded()["n_y"].activations == (Activation("n_p", 0, "x"),)
    assert padded(node("Relu", "p", "other")) == {}


RESIDUAL = [
    node("MatMul", "x w", "a"),
    node("Relu", "a", "r"),
    node("MatMul", "r w", "b"),
    node("Add", "r b", "s"),
    node("MatMul", "s w", "c"),
    node("Softmax", "c", "y"),
]


def residual() -> dict[str, Site]:
    return found(RESIDUAL, (4, 4), [f32("w", random(4, 4))])


def test_a_residual_sum_is_quantized_on_both_sides() -> None:
    assert residual()["n_s"].activations == (Activation("n_s", 0, "r"), Activation("n_s", 1, "b"))


def test_output_layers_are_those_with_no_linear_operator_behind_them() -> None:
    assert {name: site.is_output for name, site in residual().items()} == {
        "n_a": False,
        "n_b": False,
        "n_s": False,
        "n_c": True,
    }


def test_a_residual_sum_moves_with_what_makes_its_latest_operand() -> None:
    analysis = analyse(model(RESIDUAL, [info("x", [4, 4])], [info("y", None)], [f32("w", random(4, 4))]))
    every = sites(analysis)
    assert site_units(analysis, every) == (("n_a",), ("n_b", "n_s"), ("n_c",))
    alone = [site for site in every if site.node == "n_s"]
    assert site_units(analysis, alone) == (("n_s",),)


def test_residual_sums_are_suspected_first() -> None:
    assert suspicions(residual().values()) == {"n_s": inf}

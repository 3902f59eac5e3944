"""A graph for PyTorch is in the file's types, holds what shapes decide, and names what it lacks."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch
from onnx import TensorProto, helper, numpy_helper
from torch_cases import numbers, one_node

from trtflow.errors import BuildError
from trtflow.plan import PrecisionPlan
from trtflow.precision import BF16, FP16, Precision
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.torch_graph import converted, fed, placed, supported, to_array, to_tensor
from trtflow.runners.torch_runner import TorchRunner


def network(nodes: list[onnx.NodeProto], opset: int = 17, **held: np.ndarray) -> onnx.ModelProto:
    """x [N, 4] → y."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.mark.parametrize("low", [FP16, BF16])
def test_a_low_file_gives_the_numbers_of_its_types(low: Precision, products: onnx.ModelProto) -> None:
    typed = rewrite(products, PrecisionPlan(low)).model
    feed = {"x": numbers(3, 6)}
    with TypedRunner(typed) as emulated, TorchRunner(typed, "cpu") as runner:
        expected, found = emulated(feed)["y"], runner(feed)["y"]
    assert found.dtype == np.float32
    roundoff = {FP16: 2.0**-10, BF16: 2.0**-7}[low]
    np.testing.assert_allclose(found, expected, atol=float(np.abs(expected).max()) * roundoff)


def test_fp16_overflows_as_on_a_gpu(overflowing: onnx.ModelProto) -> None:
    typed = rewrite(overflowing, PrecisionPlan(FP16)).model
    with TorchRunner(typed, "cpu") as runner:
        found = runner({"x": np.array([[1, 60, 70, -70]], np.float32)})["y"]
    assert np.isinf(found).tolist() == [[False, False, True, True]]


def test_all_that_shapes_decide_is_held() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"], "shape"),
        helper.make_node("Gather", ["sizes", "first"], ["rows"], "gather"),
        helper.make_node("Concat", ["rows", "free"], ["wanted"], "concat", axis=0),
        helper.make_node("Reshape", ["x", "wanted"], ["flat"], "reshape"),
        helper.make_node("ReduceMean", ["flat"], ["y"], "mean", axes=[1]),
    ]
    model = supported(network(nodes, first=np.array([0]), free=np.array([2, -1])))
    given = fed(model, {"x": numbers(3, 4)}, "cpu")
    graph = converted(model, placed(model, "cpu"), given)
    assert [node.op for node in graph.graph.nodes] == ["placeholder", "call_function", "call_function", "output"]
    (found,) = graph(*given.values())
    np.testing.assert_allclose(found.numpy(), numbers(3, 4).reshape(3, 2, 2).mean(1, keepdims=True), rtol=1e-6)


def test_old_opsets_are_raised() -> None:
    nodes = [helper.make_node("Unsqueeze", ["x"], ["y"], "tall", axes=[1])]
    with TorchRunner(network(nodes, opset=11), "cpu") as runner:
        assert runner({"x": numbers(2, 4)})["y"].shape == (2, 1, 4)


def test_all_operators_that_are_missing_are_named() -> None:
    nodes = [
        helper.make_node("Hardmax", ["x"], ["h"], "hard"),
        helper.make_node("NonZero", ["h"], ["n"], "places"),
        helper.make_node("Cast", ["n"], ["y"], "cast", to=TensorProto.FLOAT),
    ]
    with pytest.raises(BuildError, match=r"torch has no Hardmax \('hard'\), NonZero \('places'\) here"):
        TorchRunner(network(nodes), "cpu")


def test_foreign_operators_are_named_with_their_domain() -> None:
    model = network([helper.make_node("FusedGelu", ["x"], ["y"], "gelu", domain="com.microsoft")])
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    with pytest.raises(BuildError, match=r"com\.microsoft\.FusedGelu \('gelu'\)"):
        TorchRunner(model, "cpu")


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "said"),
    [
        ("Resize", [numbers(1, 1, 4, 4), None, np.array([1, 1, 2, 2], np.float32)], {"mode": "cubic"}, "mode cubic"),
        ("ArgMax", [numbers(2, 3)], {"select_last_index": 1}, "select_last_index"),
        ("CumSum", [numbers(2, 3), np.array(1)], {"exclusive": 1}, "exclusive"),
        ("Cast", [numbers(2, 3)], {"to": TensorProto.FLOAT8E4M3FN}, "type FLOAT8E4M3FN"),
    ],
)
def test_a_form_that_is_missing_is_named(
    op: str, inputs: list[object], attributes: dict[str, object], said: str
) -> None:
    with (
        TorchRunner(one_node(op, inputs, attributes), "cpu") as runner,
        pytest.raises(BuildError, match=rf"torch has no {op} here .*{said}.*node 'node'.*runner: cuda"),
    ):
        runner({"x": np.asarray(inputs[0])})


def test_a_shape_that_values_decide_is_refused() -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["wanted"], "cast", to=TensorProto.INT64),
        helper.make_node("ConstantOfShape", ["wanted"], ["y"], "zeros"),
    ]
    model = network(nodes)
    model.graph.input[0].type.tensor_type.shape.dim.pop()
    with (
        TorchRunner(model, "cpu") as runner,
        pytest.raises(BuildError, match="ConstantOfShape here with a shape that depends on what the network is fed"),
    ):
        runner({"x": np.ones(2, np.float32)})


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.int64, np.bool_, ml_dtypes.bfloat16])
def test_arrays_and_tensors_hold_the_same(kind: type) -> None:
    array = np.array([[0, 1], [2, 3]]).astype(kind)
    found = to_array(to_tensor(array))
    assert found.dtype == (np.float32 if kind is ml_dtypes.bfloat16 else kind)
    np.testing.assert_array_equal(found, array.astype(found.dtype))


def test_torch_compile_takes_it_as_one_graph(products: onnx.ModelProto) -> None:
    model = supported(products)
    given = fed(model, {"x": numbers(3, 6)}, "cpu")
    graph = converted(model, placed(model, "cpu"), given)
    compiled = torch.compile(graph, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(*given.values()), graph(*given.values()))

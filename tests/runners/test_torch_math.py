"""PyTorch computes what ONNX says: arithmetic, reductions, products, normalisations."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from torch_cases import Case, check_equal, numbers

ODD = np.array([[np.nan, np.inf, -np.inf, 0, 5, -3]], np.float32)
INTEGERS = np.array([[-7, 7, 9, -9, 0, 4]], np.int64)
POSITIVE = np.abs(numbers(2, 6)) + 0.5

UNARY = [
    *("Abs", "Atan", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity"),
    *("LeakyRelu", "LogSoftmax", "Mish", "Neg", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softmax"),
    *("Softplus", "Softsign", "Tan", "Tanh"),
]
BINARY = ["Add", "Sub", "Mul", "Max", "Min", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "PRelu"]
REDUCTIONS = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]


@pytest.mark.parametrize("op", UNARY)
def test_a_function_of_one_tensor(op: str) -> None:
    check_equal(op, [3 * numbers(2, 6)], {})


@pytest.mark.parametrize("op", ["Sqrt", "Log", "Reciprocal"])
def test_a_function_of_positive_numbers(op: str) -> None:
    check_equal(op, [POSITIVE], {})


@pytest.mark.parametrize("op", BINARY)
def test_two_tensors_broadcast(op: str) -> None:
    check_equal(op, [numbers(2, 3, 4), numbers(3, 1, seed=1)], {})


@pytest.mark.parametrize("op", REDUCTIONS)
@pytest.mark.parametrize("axes", [None, [1], [-1, 0]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_a_reduction_over_axes(op: str, axes: list[int] | None, keepdims: int) -> None:
    given = [] if axes is None else [np.array(axes)]
    check_equal(f"Reduce{op}", [POSITIVE.reshape(2, 3, 2), *given], {"keepdims": keepdims})


CASES: list[Case] = [
    ("Div", [INTEGERS, np.array(2)], {}),
    ("Div", [numbers(2, 3), numbers(3, seed=1)], {}),
    ("Mod", [INTEGERS, np.array(4)], {}),
    ("Mod", [numbers(2, 3), POSITIVE[:1, :3]], {"fmod": 1}),
    ("Pow", [POSITIVE, np.array(2.5, np.float32)], {}),
    ("Pow", [numbers(2, 3), np.array(2, np.int64)], {}),
    ("Clip", [numbers(4, 4), np.array(-0.5, np.float32), np.array(0.25, np.float32)], {}),
    ("Clip", [numbers(4, 4), None, np.array(0.25, np.float32)], {}),
    ("Clip", [numbers(4, 4)], {}),
    ("IsNaN", [ODD], {}),
    ("IsInf", [ODD], {}),
    ("IsInf", [ODD], {"detect_negative": 0}),
    ("LeakyRelu", [numbers(2, 3)], {"alpha": 0.3}),
    ("HardSigmoid", [numbers(2, 3)], {"alpha": 0.1666667, "beta": 0.6}),
    ("Gelu", [numbers(2, 3)], {"approximate": "tanh"}),
    ("Softmax", [numbers(2, 3, 4)], {"axis": 1}),
    ("ReduceSum", [numbers(2, 3)], {"noop_with_empty_axes": 1}),
    ("ReduceSum", [INTEGERS, np.array([1])], {}),
    ("ArgMax", [numbers(3, 4)], {"axis": 1, "keepdims": 0}),
    ("ArgMin", [numbers(3, 4)], {}),
    ("CumSum", [numbers(3, 4), np.array(1)], {"reverse": 1}),
    ("Gemm", [numbers(2, 3), numbers(4, 3, seed=1), numbers(4, seed=2)], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("Gemm", [numbers(3, 2), numbers(3, 4, seed=1)], {"transA": 1}),
    ("MatMul", [numbers(2, 1, 3, 4), numbers(5, 4, 2, seed=1)], {}),
    ("Einsum", [numbers(2, 3), numbers(3, 4, seed=1)], {"equation": "ij,jk->ik"}),
    ("BatchNormalization", [numbers(2, 3, 4, 4), *np.abs(numbers(4, 3, seed=1))], {"epsilon": 0.01}),
    ("LayerNormalization", [numbers(2, 3, 4), numbers(3, 4, seed=1), numbers(3, 4, seed=2)], {"axis": 1}),
    ("LayerNormalization", [numbers(2, 3, 4), numbers(4, seed=1)], {}),
    ("InstanceNormalization", [numbers(2, 3, 4), numbers(3, seed=1), numbers(3, seed=2)], {}),
    ("GroupNormalization", [numbers(2, 4, 3), numbers(4, seed=1), numbers(4, seed=2)], {"num_groups": 2}),
]


@pytest.mark.parametrize(("op", "inputs", "attributes"), CASES)
def test_an_operator_with_attributes(op: str, inputs: list[object], attributes: dict[str, object]) -> None:
    check_equal(op, inputs, attributes)


def test_the_largest_and_where_they_are() -> None:
    check_equal("TopK", [numbers(3, 7), np.array([3])], {"axis": 1}, outputs=2)


@pytest.mark.parametrize("op", ["Relu", "Clip", "Max"])
def test_nan_goes_through_as_on_a_gpu(op: str) -> None:
    from torch_cases import one_node

    from trtflow.runners.torch_runner import TorchRunner

    bound = [np.array(-1, np.float32)] if op != "Relu" else []
    with TorchRunner(one_node(op, [ODD, *bound], {}), "cpu") as runner:
        assert np.isnan(runner({"x": ODD})["y0"]).tolist() == [[True, False, False, False, False, False]]

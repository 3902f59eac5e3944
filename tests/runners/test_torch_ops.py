"""The operators that PyTorch has here are those of real networks; without PyTorch the table still says which."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from unittest.mock import MagicMock

import onnx
import pytest

MODULES = ("torch_math", "torch_shapes", "torch_windows", "torch_ops")

NETWORKS: Mapping[str, str] = {
    "U-Net": "BatchNormalization Concat Conv ConvTranspose MaxPool Relu Sigmoid",
    "PP-OCRv4 detection": (
        "Add BatchNormalization Clip Concat Conv ConvTranspose Div GlobalAveragePool HardSigmoid Mul Relu "
        "Resize Sigmoid"
    ),
    "PP-OCRv4 recognition": (
        "Add AveragePool BatchNormalization Cast Clip Concat Conv Div GlobalAveragePool HardSigmoid MatMul "
        "Mul Pow ReduceMean Relu Reshape Shape Sigmoid Slice Softmax Sqrt Squeeze Sub Transpose"
    ),
    "MiniLM": (
        "Add Cast Div Erf Gather Identity MatMul Max Mul Pow ReduceL2 ReduceMean ReduceSum Reshape Shape "
        "Slice Softmax Sqrt Sub Transpose Unsqueeze"
    ),
    "YOLO": (
        "Add Cast Concat ConstantOfShape Conv Div Expand Gather MaxPool Mul Range Reshape Resize Shape "
        "Sigmoid Slice Softmax Split Sub Transpose Unsqueeze"
    ),
    "EfficientNet U-Net": (
        "Add BatchNormalization Cast Concat ConstantOfShape Conv Gather GlobalAveragePool Mul Pad Relu "
        "Reshape Resize Shape Sigmoid Slice Sub Transpose"
    ),
    "pitch": (
        "Add And ArgMax Cast Clip Concat ConstantOfShape Conv Cos Div Exp Gather GatherElements "
        "GreaterOrEqual LessOrEqual Log MatMul Max Mul Pad ReduceMax ReduceMean ReduceSum Relu Reshape "
        "ScatterElements Shape Sigmoid Sin Slice Softmax Sqrt Squeeze Sub Transpose Unsqueeze Where"
    ),
    "files": (
        "Add Cast Concat Conv Div Equal Exp Expand GlobalMaxPool MatMul Max Mul Reciprocal ReduceMax "
        "ReduceSum Reshape Shape Slice Sqrt Squeeze Sub Tanh Transpose Unsqueeze"
    ),
    "transformer": "Add Gelu Gemm LayerNormalization MatMul Softmax Reshape Transpose Where",
}
"""The operators of the main graph, constants aside."""

LACKING = {"GRU", "LSTM", "RNN", "If", "Loop", "Scan", "STFT", "DFT", "NonZero", "NonMaxSuppression"}
"""What keeps a state or runs a body, and what makes as much as its values say."""


@pytest.fixture
def operators(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, object]]:
    """The table, with a stand-in for PyTorch where that is missing."""
    for name in MODULES:
        monkeypatch.delitem(sys.modules, f"trtflow.runners.{name}", raising=False)
    if importlib.util.find_spec("torch") is None:
        monkeypatch.setitem(sys.modules, "torch", MagicMock())
    yield importlib.import_module("trtflow.runners.torch_ops").OPERATORS
    for name in MODULES:
        sys.modules.pop(f"trtflow.runners.{name}", None)


@pytest.mark.parametrize("network", NETWORKS)
def test_all_operators_of_a_network_are_there(network: str, operators: Mapping[str, object]) -> None:
    assert {*NETWORKS[network].split()} <= {*operators}


def test_each_is_an_operator_of_onnx(operators: Mapping[str, object]) -> None:
    assert [name for name in operators if not onnx.defs.has(name)] == []


def test_what_depends_on_values_or_keeps_a_state_is_not_there(operators: Mapping[str, object]) -> None:
    assert LACKING.isdisjoint(operators)


def test_inputs_that_are_numbers_are_inputs_of_the_operator(operators: Mapping[str, object]) -> None:
    for name, operator in operators.items():
        numbers: frozenset[int] = operator.numbers  # type: ignore[attr-defined]
        assert all(0 <= at < len(onnx.defs.get_schema(name, 22).inputs) for at in numbers), name

"""What is told of a file that is quantized already, and what stops a search for eight bits."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from quantized_models import Network, convolutions
from report_fakes import search

from trtflow.errors import ModelError
from trtflow.files.outcomes import ModelFacts
from trtflow.model.analysis import analyse
from trtflow.qdq.recognise import recognised
from trtflow.tasks.documents import Documents
from trtflow.tasks.quantized_already import check_quantizable, described, obstacle_mark


def weights_only() -> onnx.ModelProto:
    net = Network()
    net.conv("x", net.weights("w", np.ones((4, 3, 3, 3), np.float32)), "y")
    return net.model()


def on_codes() -> onnx.ModelProto:
    net = Network()
    net.nodes.append(onnx.helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], "dynamic"))
    net.add("DequantizeLinear", "q s z", "y")
    return net.model()


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (convolutions(), "Quantized already: activations in INT8 (3), weights in INT8 (3)"),
        (weights_only(), "Quantized already, weights only: weights in INT8 (1)"),
    ],
)
def test_what_is_in_the_file_is_told_by_role_and_type(net: onnx.ModelProto, said: str) -> None:
    assert described(recognised(analyse(net))) == said


def test_symmetric_pairs_and_floats_pass() -> None:
    assert check_quantizable(convolutions())
    assert not check_quantizable(convolutions(paired=()))


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (convolutions(elem=TensorProto.UINT8, zero=128), ("one_w_dq", "UINT8", "requantize: true")),
        (convolutions(zero=3), ("one_w_dq", "zero point", "nor 8 more nodes", "requantize: true")),
        (on_codes(), ("dynamic", "computes on codes", "Quantize the floating-point network again")),
        (weights_only(), ("only weights", "debug-fp16", "requantize: true")),
    ],
)
def test_what_cannot_be_analysed_says_where_why_and_what_to_do(net: onnx.ModelProto, words: tuple[str, ...]) -> None:
    with pytest.raises(ModelError) as raised:
        check_quantizable(net)
    assert [word for word in words if word not in str(raised.value)] == []


@pytest.mark.parametrize(("zero", "measured", "marked"), [(0, True, False), (3, True, True), (3, False, False)])
def test_a_file_that_tensorrt_refuses_is_marked_unless_that_already_ended_the_run(
    zero: int, measured: bool, marked: bool
) -> None:
    facts = ModelFacts(quantization=recognised(analyse(convolutions(zero=zero))))
    marks = list(obstacle_mark(Documents(facts=facts, search=search() if measured else None)))
    assert [
        mark.startswith("The file holds what no engine takes: TensorRT does not take one_w_dq") for mark in marks
    ] == [True] * marked

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from doubling import Install
from onnx import TensorProto, helper, numpy_helper

CONSTANTS = {
    "w": np.ones((4, 4, 1, 1)),
    "one": np.ones((4, 1, 1)),
    "scale": np.ones(2),
    "bias": np.zeros(2),
    "g": np.ones((3, 4)),
    "b": np.ones(3),
}
NODES = [
    helper.make_node("Conv", ["x", "w"], ["c"], "conv"),
    helper.make_node("Sigmoid", ["c"], ["s"], "d"),
    helper.make_node("Tanh", ["s"], ["t"], "d"),
    helper.make_node("Add", ["t", "one"], ["a"]),
    helper.make_node("Split", ["a"], ["p", "q"], "sp", axis=1),
    helper.make_node("Softmax", ["p"], ["sm"], "soft", axis=-1),
    helper.make_node("InstanceNormalization", ["q", "scale", "bias"], ["n"], "inorm"),
    helper.make_node("Concat", ["sm", "n"], ["cat"], "cat", axis=1),
    helper.make_node("GlobalAveragePool", ["cat"], ["gap"], "gap"),
    helper.make_node("Flatten", ["gap"], ["f"], "flat"),
    helper.make_node("Gemm", ["f", "g", "b"], ["y"], "gemm", transB=1),
]


def model() -> onnx.ModelProto:
    constants = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in CONSTANTS.items()]
    ports = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4, 8, 8]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3]),
    ]
    graph = helper.make_graph(NODES, "g", ports[:1], ports[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def parsed(trt: Any, given: onnx.ModelProto) -> Any:
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    network = builder.create_network(1)
    parser = trt.OnnxParser(network, trt.Logger(trt.Logger.ERROR))
    assert parser.parse(given.SerializeToString()), parser.get_error(0).desc()
    return network


def test_nodes_become_layers_as_in_the_real_parser(double: Install) -> None:
    network = parsed(double().trt, model())
    assert [(layer.name, layer.type.name, layer.metadata) for layer in network] == [
        ("conv", "CONVOLUTION", "[ONNX Layer: conv]"),
        ("d", "ACTIVATION", "[ONNX Layer: d]"),
        ("d_0", "ACTIVATION", "[ONNX Layer: d]"),
        ("one", "CONSTANT", ""),
        ("ONNXTRT_Broadcast", "SHUFFLE", ""),
        ("node_of_a", "ELEMENTWISE", "[ONNX Layer: node_of_a]"),
        ("sp", "SLICE", "[ONNX Layer: sp]"),
        ("sp_1", "SLICE", "[ONNX Layer: sp]"),
        ("soft", "SOFTMAX", "[ONNX Layer: soft]"),
        ("scale", "CONSTANT", ""),
        ("ONNXTRT_unsqueezeTensor", "UNSQUEEZE", ""),
        ("bias", "CONSTANT", ""),
        ("ONNXTRT_unsqueezeTensor_2", "UNSQUEEZE", ""),
        ("inorm", "NORMALIZATION", "[ONNX Layer: inorm]"),
        ("cat", "CONCATENATION", "[ONNX Layer: cat]"),
        ("gap", "REDUCE", "[ONNX Layer: gap]"),
        ("flat", "SHUFFLE", "[ONNX Layer: flat]"),
        ("g", "CONSTANT", ""),
        ("b", "CONSTANT", ""),
        ("ONNXTRT_Broadcast_3", "SHUFFLE", ""),
        ("gemm", "MATRIX_MULTIPLY", "[ONNX Layer: gemm]"),
        ("gemm_4", "ELEMENTWISE", "[ONNX Layer: gemm]"),
    ]


def test_tensors_keep_their_names_and_helpers_are_called_after_layers(double: Install) -> None:
    network = parsed(double().trt, model())
    found = {
        layer.name: (
            [layer.get_input(i).name for i in range(layer.num_inputs)],
            [layer.get_output(i).name for i in range(layer.num_outputs)],
        )
        for layer in network
    }
    assert found["node_of_a"] == (["t", "ONNXTRT_Broadcast_output"], ["a"])
    assert found["sp_1"] == (["a"], ["q"])
    assert found["gemm"] == (["f", "g_output"], ["gemm_output"])
    assert found["gemm_4"] == (["gemm_output", "ONNXTRT_Broadcast_3_output"], ["y"])
    assert [tuple(network.get_output(i).shape) for i in range(network.num_outputs)] == [(-1, 3)]


def test_older_versions_call_helpers_by_their_place(double: Install) -> None:
    network = parsed(double("8.6.1").trt, model())
    helpers = [(layer.name, layer.type.name) for layer in network if layer.name.startswith("(Unnamed")]
    assert helpers == [(f"(Unnamed Layer* {place}) [Shuffle]", "SHUFFLE") for place in (4, 10, 12, 19)]


def test_an_input_that_is_an_output_too_is_renamed(double: Install) -> None:
    given = model()
    given.graph.output.append(given.graph.input[0])
    network = parsed(double().trt, given)
    assert network.get_input(0).name == "__x"
    assert [network.get_output(i).name for i in range(2)] == ["y", "x"]


def test_explicit_batch_is_asked_of_8(double: Install) -> None:
    trt = double("8.6.1").trt
    parser = trt.OnnxParser(trt.Builder(trt.Logger(trt.Logger.ERROR)).create_network(0), trt.Logger())
    assert not parser.parse(model().SerializeToString())
    assert "EXPLICIT_BATCH" in parser.get_error(0).desc()


def test_a_file_that_is_not_there_is_an_error(double: Install, tmp_path: Path) -> None:
    trt = double().trt
    parser = trt.OnnxParser(trt.Builder(trt.Logger()).create_network(), trt.Logger())
    assert not parser.parse_from_file(str(tmp_path / "no.onnx"))
    assert parser.num_errors == 1


@pytest.mark.slow
def test_layer_types_are_those_of_the_real_parser(double: Install) -> None:
    """Every layer that carries a node's name; helpers around shapes, which the double leaves out, carry none."""
    real = pytest.importorskip("tensorrt_rtx")
    there = parsed_by_rtx(real, model())
    here = [(layer.metadata, layer.type.name) for layer in parsed(double("11.4.0").trt, model()) if layer.metadata]
    assert here == there


def parsed_by_rtx(trt: Any, given: onnx.ModelProto) -> list[tuple[str, str]]:
    network = trt.Builder(trt.Logger(trt.Logger.ERROR)).create_network(0)
    assert trt.OnnxParser(network, trt.Logger(trt.Logger.ERROR)).parse(given.SerializeToString())
    return [(layer.metadata, layer.type.name) for layer in network if layer.metadata]

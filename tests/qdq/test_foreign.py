from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto, helper
from quantized_models import Network

from trtflow.errors import PlanError
from trtflow.files.ranges import RangesFile
from trtflow.qdq.foreign import open_ranges, read_quantized

INT8, UINT8, FP8 = TensorProto.INT8, TensorProto.UINT8, TensorProto.FLOAT8E4M3FN


def quantized(*pairs: tuple[str, float | list[float], int, int]) -> onnx.ModelProto:
    """A QuantizeLinear per (tensor, scale, type of the zero point, zero point)."""
    nodes, constants = [], []
    for tensor, scale, elem, zero in pairs:
        nodes.append(node("QuantizeLinear", f"{tensor} {tensor}_s {tensor}_z", f"{tensor}_q"))
        constants.append(f32(f"{tensor}_s", scale))
        dims = list(np.shape(scale))
        constants.append(helper.make_tensor(f"{tensor}_z", elem, dims, [zero] * int(np.prod(dims))))
    inputs = [info(name, [2]) for name in ("a", "b", "c")]
    return model(nodes, inputs, [info("a_q", None, pairs[0][2])], [*constants, f32("w", [1, 2])], 19)


def write(path: Path, net: onnx.ModelProto) -> Path:
    onnx.save(net, path)
    return path


@pytest.mark.parametrize(("elem", "largest"), [(INT8, 127), (FP8, 448)])
def test_the_amax_is_the_scale_times_the_largest_code(elem: int, largest: int, tmp_path: Path) -> None:
    path = write(tmp_path / "q.onnx", quantized(("a", 0.5, elem, 0), ("b", [2.0], elem, 0)))
    assert read_quantized(path) == RangesFile("Q/DQ model", {"a": 0.5 * largest, "b": 2.0 * largest}, name="q.onnx")


@pytest.mark.parametrize(
    "other",
    [("b", 1.0, INT8, 3), ("b", 1.0, UINT8, 0), ("b", [1.0, 2.0], INT8, 0), ("w", 1.0, INT8, 0)],
    ids=["asymmetric", "unsigned", "per channel", "a weight"],
)
def test_other_pairs_are_left_out(other: tuple[str, float | list[float], int, int], tmp_path: Path) -> None:
    path = write(tmp_path / "q.onnx", quantized(("a", 0.5, INT8, 0), other))
    assert read_quantized(path).amax == {"a": 63.5}


def test_a_scale_that_is_computed_or_without_a_zero_point_is_left_out(tmp_path: Path) -> None:
    net = quantized(("a", 0.5, INT8, 0), ("b", 1.0, INT8, 0))
    net.graph.node.append(helper.make_node("QuantizeLinear", ["c", "a_s"], ["c_q"]))
    net.graph.node.insert(0, helper.make_node("Identity", ["a_s"], ["computed"]))
    net.graph.node[2].input[1] = "computed"
    assert read_quantized(write(tmp_path / "q.onnx", net)).amax == {"a": 63.5}


def test_bodies_are_read_too(tmp_path: Path) -> None:
    net = quantized(("a", 0.5, INT8, 0))
    inner = quantized(("b", 1.0, INT8, 0)).graph
    body = helper.make_graph(inner.node, "body", [], [info("b_q", None, INT8)], inner.initializer)
    net.graph.input.append(info("k", [], TensorProto.BOOL))
    net.graph.node.append(helper.make_node("If", ["k"], ["y"], then_branch=body, else_branch=body))
    assert read_quantized(write(tmp_path / "q.onnx", net)).amax == {"a": 63.5, "b": 127.0}


def test_a_file_without_such_a_pair_or_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="holds no QuantizeLinear with one symmetric"):
        read_quantized(write(tmp_path / "q.onnx", quantized(("a", 0.5, UINT8, 0))))
    (tmp_path / "no.onnx").write_bytes(b"no model")
    with pytest.raises(PlanError, match="is not an ONNX model"):
        read_quantized(tmp_path / "no.onnx")


def test_a_file_is_opened_by_its_suffix(tmp_path: Path) -> None:
    path = write(tmp_path / "q.onnx", quantized(("a", 0.5, INT8, 0)))
    assert open_ranges(path).amax == {"a": 63.5}
    with pytest.raises(PlanError):
        open_ranges(path.rename(tmp_path / "q.json"))


def test_an_output_that_onnxruntime_renamed_has_its_name_again(tmp_path: Path) -> None:
    net = Network()
    net.pair(net.add("Neg", "x", "logits_QuantizeLinear_Input"), "p", 0.5)
    onnx.save(net.model(), tmp_path / "quantized.onnx")
    assert read_quantized(tmp_path / "quantized.onnx").amax == {"logits": 63.5}

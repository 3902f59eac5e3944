from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.parser import parse_model

from trtflow.cures.clipping import Clipping
from trtflow.cures.correction import Correction
from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.errors import PlanError
from trtflow.model.session import create_session
from trtflow.numerics.quantize import on_grid, scale_for
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.qdq.foreign import read_quantized
from trtflow.qdq.quantize import Quantized, quantizable, quantize
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.registry import find_backend
from trtflow.trt.isolated import build
from trtflow.trt.request import EngineRequest
from trtflow.trt.shapes import ShapeRange

WEIGHTS = {
    "w0": (4, 3, 3, 3),
    "b0": (4,),
    "w1": (4, 4, 3, 3),
    "wt": (4, 6, 2, 2),
    "w2": (4, 6, 1, 1),
    "wm": (4, 5),
    "wg": (2, 5),
}

NETWORK = """
<ir_version: 10, opset_import: ["" : 17]>
net (float[N, 3, 8, 8] x) => (float[N, 2] y)
{
    padded = Pad (x, pads)
    c0 = Conv <kernel_shape = [3, 3]> (padded, w0, b0)
    r0 = Relu (c0)
    c1 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (r0, w1)
    sum = Add (c1, r0)
    r1 = Relu (sum)
    up = ConvTranspose <kernel_shape = [2, 2], strides = [2, 2]> (r1, wt)
    c2 = Conv <kernel_shape = [1, 1]> (up, w2)
    pooled = GlobalAveragePool (c2)
    flat = Flatten (pooled)
    m = MatMul (flat, wm)
    t = Tanh (m)
    g = Gemm <transB = 1> (t, wg)
    y = Sigmoid (g)
}
"""


@pytest.fixture
def network() -> onnx.ModelProto:
    model = parse_model(NETWORK)
    for node in model.graph.node:
        node.name = f"n_{node.output[0]}"
    random = np.random.default_rng(3)
    for name, shape in WEIGHTS.items():
        scale = np.array([1, 10, 0.1, 3, 1, 1])[: shape[0]].reshape(-1, *[1] * (len(shape) - 1))
        values = random.normal(0, 0.3, shape) * scale
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    model.graph.initializer.append(numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), "pads"))
    return model


@pytest.fixture
def feed() -> dict[str, Any]:
    return {"x": np.random.default_rng(4).normal(0, 1, (2, 3, 8, 8)).astype(np.float32)}


def _amax(model: onnx.ModelProto, feed: dict[str, Any]) -> dict[str, float]:
    names = [name for site in quantizable(model, outputs=True) for name in site.tensors]
    marked = onnx.ModelProto()
    marked.CopyFrom(model)
    known = {value.name for value in (*model.graph.input, *model.graph.output)}
    marked.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names) if name not in known)
    session = create_session(marked)
    found = dict(zip([output.name for output in session.get_outputs()], session.run(None, feed), strict=True)) | feed
    return {name: float(np.abs(found[name]).max()) for name in names}


def _run(model: onnx.ModelProto, feed: dict[str, Any]) -> np.ndarray:
    return np.asarray(create_session(model).run(None, feed)[0])


def _producer(model: onnx.ModelProto, tensor: str) -> onnx.NodeProto | None:
    return next((node for node in model.graph.node if tensor in node.output), None)


def _dequantized(quantized: Quantized) -> dict[str, set[int]]:
    """Per node of the original the input slots that a DequantizeLinear feeds."""
    found: dict[str, set[int]] = {}
    for node in quantized.model.graph.node:
        for slot, name in enumerate(node.input):
            producer = _producer(quantized.model, name)
            if producer is not None and producer.op_type == "DequantizeLinear":
                found.setdefault(node.name, set()).add(slot)
    return found


def test_sites_are_the_linear_operators_and_the_residual_sum(network: onnx.ModelProto) -> None:
    assert [site.node for site in quantizable(network)] == ["n_c0", "n_c1", "n_sum", "n_up", "n_c2", "n_m"]
    assert [site.node for site in quantizable(network, outputs=True)][-1] == "n_g"


def test_weights_have_their_scales_along_the_output_channels(network: onnx.ModelProto) -> None:
    axes = {site.node: [weight.axis for weight in site.weights] for site in quantizable(network, outputs=True)}
    assert axes == {"n_c0": [0], "n_c1": [0], "n_sum": [], "n_up": [1], "n_c2": [0], "n_m": [1], "n_g": [0]}


def test_pairs_stand_before_a_pad_and_never_at_a_bias(network: onnx.ModelProto, feed: dict[str, Any]) -> None:
    quantized = quantize(network, PrecisionPlan("int8"), _amax(network, feed))
    assert _dequantized(quantized) == {
        "n_padded": {0}, "n_c0": {1}, "n_c1": {0, 1}, "n_sum": {0, 1}, "n_up": {0, 1}, "n_c2": {0, 1}, "n_m": {0, 1},
    }  # fmt: skip


def test_readers_of_a_tensor_share_its_codes(network: onnx.ModelProto, feed: dict[str, Any]) -> None:
    quantized = quantize(network, PrecisionPlan("int8"), _amax(network, feed))
    sources = [node.input[0] for node in quantized.model.graph.node if node.op_type == "QuantizeLinear"]
    assert sorted(sources) == sorted({"x", "r0", "c1", "r1", "up", "flat"})


def test_a_quantized_matmul_computes_on_the_grid(network: onnx.ModelProto, feed: dict[str, Any]) -> None:
    amax = _amax(network, feed)
    marked = onnx.ModelProto()
    marked.CopyFrom(network)
    marked.graph.output.extend([onnx.ValueInfoProto(name="flat"), onnx.ValueInfoProto(name="m")])
    _, flat, _ = create_session(marked).run(None, feed)
    quantized = quantize(marked, PrecisionPlan("fp32", {"n_m": "int8"}), amax)
    _, _, found = create_session(quantized.model).run(None, feed)
    weight = numpy_helper.to_array(next(t for t in network.graph.initializer if t.name == "wm"))
    rounded = on_grid(weight, scale_for(np.abs(weight).max(axis=0), "int8"), "int8")
    expected = on_grid(flat, scale_for(amax["flat"], "int8"), "int8") @ rounded
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


FUSES_ONLY_INT8 = tuple(map(int, version("onnxruntime").split(".")[:2])) >= (1, 30)


@pytest.mark.parametrize("plan", [
    PrecisionPlan("int8"),
    PrecisionPlan("fp8"),
    PrecisionPlan("fp16", {"n_c0": "int8", "n_c1": "int8", "n_sum": "int8", "n_m": "int8"}),
    PrecisionPlan("fp16", {"n_c1": "int8", "n_sum": "fp32", "n_r1": "fp32", "n_up": "int8", "n_m": "fp8"}),
    PrecisionPlan("bf16", {"n_c1": "int8", "n_c2": "fp32", "n_up": "int8"}),
])  # fmt: skip
def test_the_rewritten_file_computes_what_the_plan_emulates(
    network: onnx.ModelProto, feed: dict[str, Any], plan: PrecisionPlan
) -> None:
    """Truth 2, bit for bit, with the other precisions around the quantized nodes."""
    if "fp8" in {plan.default, *plan.nodes.values()} and not FUSES_ONLY_INT8:
        pytest.skip("this ONNX Runtime fuses FP8 convolutions into QLinearConv, which takes no FP8")
    quantized = quantize(network, plan, _amax(network, feed))
    written = rewrite(quantized.model, quantized.plan)
    onnx.checker.check_model(written.model, full_check=True)
    assert not written.promoted
    emulated = _run(instrument(quantized.model, quantized.plan), feed)
    np.testing.assert_array_equal(_run(emulate_typed(written.model), feed), emulated)
    assert np.abs(emulated - _run(network, feed)).max() < 0.2


def test_scales_have_the_type_of_what_surrounds_them(network: onnx.ModelProto, feed: dict[str, Any]) -> None:
    quantized = quantize(network, PrecisionPlan("fp16", {"n_c1": "int8"}), _amax(network, feed))
    written = rewrite(quantized.model, quantized.plan).model
    types = {tensor.name: tensor.data_type for tensor in written.graph.initializer}
    pairs = [node for node in written.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert len(pairs) == 3
    assert {types[node.input[1]] for node in pairs} == {TensorProto.FLOAT16}


def test_an_overflow_of_fp16_does_not_hide_behind_int8(network: onnx.ModelProto, feed: dict[str, Any]) -> None:
    """A sum of 1e5 between two INT8 convolutions: representable by the next layer's codes, not by FP16."""
    weight = next(tensor for tensor in network.graph.initializer if tensor.name == "w1")
    weight.CopyFrom(numpy_helper.from_array(np.full(weight.dims, 3e4, np.float32), "w1"))
    amax = _amax(network, feed)
    nodes = [site.node for site in quantizable(network)]
    low = quantize(network, PrecisionPlan("fp16").assign(nodes, "int8"), amax)
    kept = PrecisionPlan("fp16").assign(nodes, "int8").assign(["n_r1"], "fp32")
    high = quantize(network, kept, amax)
    assert not np.isfinite(_run(_observed(instrument(low.model, low.plan), "r1"), feed)).all()
    assert np.isfinite(_run(_observed(instrument(high.model, high.plan), "r1"), feed)).all()


def _observed(model: onnx.ModelProto, tensor: str) -> onnx.ModelProto:
    model.graph.output.insert(0, onnx.ValueInfoProto(name=tensor))
    return model


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_the_ranges_of_a_quantized_model_are_read_back(
    network: onnx.ModelProto, feed: dict[str, Any], precision: Precision, tmp_path: Path
) -> None:
    amax = _amax(network, feed)
    onnx.save(quantize(network, PrecisionPlan(precision), amax).model, tmp_path / "quantized.onnx")
    found = read_quantized(tmp_path / "quantized.onnx").amax
    assert found == {name: pytest.approx(amax[name], rel=1e-2) for name in ("x", "r0", "c1", "r1", "up", "flat")}


def test_a_model_without_pairs_has_no_ranges(network: onnx.ModelProto, tmp_path: Path) -> None:
    onnx.save(network, tmp_path / "plain.onnx")
    with pytest.raises(PlanError, match="holds no QuantizeLinear"):
        read_quantized(tmp_path / "plain.onnx")


def test_a_dead_tensor_is_skipped_with_the_reason(network: onnx.ModelProto, feed: dict[str, Any]) -> None:
    quantized = quantize(network, PrecisionPlan("int8"), {**_amax(network, feed), "up": 0.0})
    assert dict(quantized.skipped) == {"n_c2": "up is zero throughout"}


def test_a_missing_range_is_an_error(network: onnx.ModelProto) -> None:
    with pytest.raises(PlanError, match="n_c1 reads 'r0', for which there is no range"):
        quantize(network, PrecisionPlan("fp32", {"n_c1": "int8"}), {})


def test_a_node_that_is_not_there_is_an_error(network: onnx.ModelProto) -> None:
    with pytest.raises(PlanError, match="quantizes n_typo"):
        quantize(network, PrecisionPlan("fp32", {"n_typo": "int8"}), {})


def test_a_mask_is_no_residual() -> None:
    nodes = [
        helper.make_node("MatMul", ["q", "k"], ["scores"], "scores"),
        helper.make_node("Add", ["scores", "mask"], ["masked"], "masked"),
        helper.make_node("MatMul", ["masked", "v"], ["y"], "mix"),
    ]
    inputs = [("q", [1, 2, 4, 8]), ("k", [1, 2, 8, 4]), ("v", [1, 2, 4, 8]), ("mask", [1, 1, 1, 4])]
    graph = helper.make_graph(
        nodes, "attention", [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 4, 8])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    assert [site.node for site in quantizable(model, outputs=True)] == ["scores", "mix"]


@pytest.mark.slow
@pytest.mark.parametrize("plan", [
    PrecisionPlan("int8"),
    PrecisionPlan("fp16", {"n_c1": "int8", "n_sum": "int8", "n_up": "int8", "n_m": "int8"}),
    PrecisionPlan("fp8"),
])  # fmt: skip
def test_tensorrt_builds_it(
    network: onnx.ModelProto, feed: dict[str, Any], plan: PrecisionPlan, tmp_path: Path
) -> None:
    backend, why_not = find_backend()
    if backend is None:
        pytest.skip(why_not)
    quantized = quantize(network, plan, _amax(network, feed))
    onnx.save(rewrite(quantized.model, quantized.plan).model, tmp_path / "model.onnx")
    shape = (2, 3, 8, 8)
    request = EngineRequest(tmp_path / "model.onnx", {"x": ShapeRange(shape, shape, shape)})
    built = build(request, backend, tmp_path / "plan")
    assert built.tensors.get("fp8" if plan.default == "fp8" else "int8")


def test_a_weight_that_two_nodes_clip_differently_gets_codes_for_each() -> None:
    network = parse_model(
        '<ir_version: 10, opset_import: ["" : 17]>\n'
        "net (float[2,4] x) => (float[2,3] y) { a = Gemm (x, w)\n b = Gemm (x, w)\n y = Add (a, b) }"
    )
    for node in network.graph.node:
        node.name = f"n_{node.output[0]}"
    weight = np.random.default_rng(0).normal(0, 1, (4, 3)).astype(np.float32)
    network.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    about = {"nodes": ("n_a",), "before": 1.0, "after": 0.5}
    cures = (
        Clipping(subject="n_a", shares=(0.5, 1.0, 1.0), **about),
        Correction(subject="n_a", bias=(1, 2, 3), **about),
    )
    plan = PrecisionPlan("fp32").assign(["n_a", "n_b"], "int8")
    found = quantize(network, plan, {"x": 1.0}, cures).model
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in found.graph.initializer}
    made = {n.output[0]: n for n in found.graph.node}
    codes, scales = ([held[made[made[name].input[1]].input[index]] for name in ("a", "b")] for index in (0, 1))
    np.testing.assert_allclose(scales[0], scales[1] * [0.5, 1, 1], rtol=1e-3)
    assert np.array_equal(codes[0][:, 1:], codes[1][:, 1:])
    assert not np.array_equal(codes[0], codes[1])
    assert held[made["a"].input[2]].tolist() == [1, 2, 3]
    assert len(made["b"].input) == 2

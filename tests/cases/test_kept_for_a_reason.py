"""Why a node is kept is said as it is: for its Casts, for a constant, as a partner; never more than was measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trtflow.data import Sample
from trtflow.diagnosis.explain import explain
from trtflow.tasks.bisect import bisect
from trtflow.tasks.bisection import BisectSettings
from trtflow.tasks.compare import compare
from trtflow.tasks.diagnose import diagnose
from trtflow.tasks.rewrite import rewrite
from trtflow.tasks.validate import validate

SETTINGS = BisectSettings(baselines=(), held_out=0)
LOWEST = float(np.finfo(np.float32).min)
Shapes = dict[str, Sequence[int]]


def network(nodes: list[onnx.NodeProto], reads: Shapes, writes: Shapes, **held: object) -> onnx.ModelProto:
    ports = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()]
        for side in (reads, writes)
    ]
    weights = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "g", *ports, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def normal(shape: tuple[int, ...], count: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.standard_normal(shape).astype(np.float32) for _ in range(count)]


def test_a_node_that_is_cheaper_than_its_casts_is_not_called_needed() -> None:
    nodes = [helper.make_node("InstanceNormalization", ["x", "one", "none"], ["y"], "norm")]
    net = network(nodes, {"x": [1, 3, 8, 8]}, {"y": [1, 3, 8, 8]}, one=np.ones(3), none=np.zeros(3))
    found = bisect(net, [Sample({"x": x}) for x in normal((1, 3, 8, 8))], settings=SETTINGS).search
    assert {node: why.word for node, why in found.because.items()} == {"norm": "cheaper"}
    assert found.reason == (
        "fp16 alone is accepted; 1 node stays in fp32 because the Casts around it would cost more"
    )


def masked(padded: int) -> tuple[onnx.ModelProto, list[Sample]]:
    """Softmax over scores plus a mask of FP32's lowest value; of the last row ``padded`` of 6 places are masked."""
    nodes = [
        helper.make_node("Sub", ["one", "keep"], ["drop"], "invert"),
        helper.make_node("Mul", ["drop", "lowest"], ["mask"], "mask"),
        helper.make_node("MatMul", ["x", "w"], ["scores"], "project"),
        helper.make_node("Add", ["scores", "mask"], ["masked"], "add"),
        helper.make_node("Softmax", ["masked"], ["weights"], "softmax"),
        helper.make_node("MatMul", ["weights", "v"], ["y"], "mix"),
    ]
    w, v = normal((6, 6), 2)
    net = network(nodes, {"x": [4, 6], "keep": [4, 6]}, {"y": [4, 6]}, one=1.0, lowest=LOWEST, w=w, v=v)
    keep = np.ones((4, 6), np.float32)
    keep[:3, 5:], keep[3, 6 - padded :] = 0, 0
    return net, [Sample({"x": x, "keep": keep}) for x in normal((4, 6))]


def test_a_mask_that_the_cast_makes_infinite_is_kept_by_its_constant_and_that_is_said() -> None:
    net, samples = masked(padded=2)
    found = bisect(net, samples, statistics=compare(net, samples), settings=SETTINGS)
    why = found.search.because["mask"]
    words = {node: why.word for node, why in found.search.because.items()}
    assert words == {"mask": "constant", "invert": "cheaper"}
    assert why.text == (
        "constant lowest reaches 3.40282e+38, which fp16 turns into inf; "
        "the Cast of its output to fp16 for add makes 3.4e+38 infinite all the same, and was measured so"
    )
    assert found.search.reason == (
        "fp16 is accepted wherever it can be; 1 node cannot, "
        "1 more stays in fp32 because the Casts around it would cost more"
    )
    typed = validate(net, rewrite(net, found.plan).model, samples)
    assert typed.candidate["sqnr"] == found.search.metrics["candidate"]["sqnr"] > 50


def test_where_an_infinite_mask_does_harm_what_reads_it_is_needed() -> None:
    net, samples = masked(padded=6)
    found = bisect(net, samples, statistics=compare(net, samples), settings=SETTINGS)
    words = {node: why.word for node, why in found.search.because.items()}
    assert words == {"mask": "constant", "add": "needed", "softmax": "needed", "invert": "cheaper"}
    assert "infinite" not in found.search.because["mask"].text
    typed = validate(net, rewrite(net, found.plan).model, samples)
    assert typed.candidate["sqnr"] == found.search.metrics["candidate"]["sqnr"] > 30


def test_what_divides_by_a_floor_that_fp16_flushes_is_the_floors_partner() -> None:
    nodes = [
        helper.make_node("ReduceL2", ["x"], ["n"], "norm", axes=[-1], keepdims=1),
        helper.make_node("Clip", ["n", "floor"], ["c"], "clip"),
        helper.make_node("Div", ["x", "c"], ["u"], "normalize"),
        helper.make_node("MatMul", ["u", "w"], ["y"], "head"),
    ]
    net = network(nodes, {"x": [6, 16]}, {"y": [6, 64]}, floor=1e-12, w=normal((16, 64), 1)[0])
    padded = np.arange(6)[:, None] < 4
    samples = [Sample({"x": x * padded}) for x in normal((6, 16))]
    statistics = compare(net, samples)
    found = bisect(net, samples, statistics=statistics, settings=SETTINGS).search
    findings = diagnose(net, statistics)
    words = {node: why.word for node, why in found.because.items()}
    assert words == {"norm": "cheaper", "clip": "needed", "normalize": "needed"}
    assert [explain(node, findings, found.because).code for node in ("clip", "normalize")] == ["R05", "partner"]
    assert explain("normalize", findings, found.because).text == "goes with clip: needed together"

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, random, run

from trtflow.model.edit import clone
from trtflow.plan import Precision
from trtflow.qdq.quantize import quantizable
from trtflow.qdq.trial_graph import Gated, gated

FEED = {"x": random(3, 4)}


def network(opset: int = 19) -> onnx.ModelProto:
    nodes = [node("Relu", "x", "a"), node("MatMul", "a w", "b"), node("Gemm", "a w", "c"), node("MatMul", "b c", "y")]
    return model(nodes, [info("x", [None, 4])], [info("y", None)], [f32("w", random(4, 4, seed=1))], opset)


def gate(precision: Precision = "int8", net: onnx.ModelProto | None = None) -> Gated:
    net = net or network()
    return gated(net, quantizable(net, outputs=True), precision)


def test_every_activation_that_a_site_reads_has_one_gate() -> None:
    found = gate()
    assert found.gates == {name: f"{name}__gate" for name in "abc"}
    assert found.scales == {name: f"{name}__scale" for name in "abc"}
    graph = found.model.graph
    assert [n.name for n in graph.node] == ["n_a", "a__if", "n_b", "b__if", "n_c", "c__if", "n_y"]
    assert [list(n.input) for n in graph.node if n.name in ("n_b", "n_c", "n_y")] == [
        *(["a__gated", "w"], ["a__gated", "w"], ["b__gated", "c__gated"]),
    ]


def square() -> dict[str, np.ndarray]:
    return {"x": random(4, 4)}


def test_with_all_gates_shut_the_model_computes_what_it_did() -> None:
    found = gate()
    plain = run(network(), square())[0]
    np.testing.assert_array_equal(run(found.model, square() | found.feed({}), "disabled")[0], plain)


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_an_open_gate_rounds_its_tensor_and_no_other(precision: Precision) -> None:
    found = gate(precision)
    observed = clone(found.model)
    observed.graph.output.extend(info(f"{name}__gated", None) for name in "abc")
    names = ["y", "a", "b", "c"]
    shut, open_a = (
        dict(zip(names, run(observed, square() | found.feed(amax), "disabled"), strict=True))
        for amax in ({}, {"a": 2.0})
    )
    step = 2.0 / 127 if precision == "int8" else 2.0 / 16  # half the distance of E4M3's numbers below the largest
    changed = np.abs(open_a["a"] - np.clip(shut["a"], -2, 2))
    assert 0 < changed.max() <= step
    x = {"x": open_a["a"]}
    np.testing.assert_allclose(open_a["b"], run(network_behind(), x)[0], rtol=1e-5, atol=1e-6)


def network_behind() -> onnx.ModelProto:
    return model(
        [node("MatMul", "x w", "b")], [info("x", [None, 4])], [info("b", None)], [f32("w", random(4, 4, seed=1))]
    )


def test_a_feed_says_for_every_gate_whether_it_is_open_and_by_which_scale() -> None:
    feed = gate().feed({"b": 127.0})
    assert {name: array.item() for name, array in feed.items() if name.endswith("gate")} == {
        "a__gate": False,
        "b__gate": True,
        "c__gate": False,
    }
    assert feed["b__scale"] == np.float32(1)


def test_an_old_opset_is_raised_and_the_argument_left_alone() -> None:
    net, before = network(13), network(13)
    assert gate("fp8", net).model.opset_import[0].version == 19
    assert gate("int8", net).model.opset_import[0].version == 13
    assert net == before

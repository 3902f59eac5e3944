"""What ONNX does not define is found, and a model ends before what ONNX Runtime does not run."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, i64, info, model, node
from onnx import TensorProto, helper

from trtflow.errors import ModelError
from trtflow.model import foreign
from trtflow.model.foreign import ending_at, foreign_nodes, move_plugins, runnable, unknown_operators
from trtflow.model.load import prepare
from trtflow.model.session import create_session


def imported(net: onnx.ModelProto, *domains: str) -> onnx.ModelProto:
    net.opset_import.extend(helper.make_opsetid(domain, 1) for domain in domains)
    return net


def detector(domain: str = "TRT", opset: int = 17) -> onnx.ModelProto:
    """Boxes and scores, a plugin that reads both and the boxes' number, and what ONNX makes of its output."""
    nodes = [
        node("Relu", "x", "boxes", "head"),
        node("Sigmoid", "x", "scores", "chance"),
        node("Shape", "boxes", "size", "count"),
        node("EfficientNMS_TRT", "scores boxes size", "kept number", "nms", domain=domain),
        node("Mul", "kept boxes", "scaled", "scale"),
        node("Neg", "scores", "spare", "spare"),
    ]
    outputs = [info("scaled", [2, 4]), info("number", [1], TensorProto.INT32), info("spare", [2, 4])]
    net = model(nodes, [info("x", [2, 4])], outputs, opset=opset)
    return imported(net, domain) if domain else net


def test_the_model_ends_at_the_float_tensors_that_go_into_what_cannot_run() -> None:
    found = runnable(detector())
    assert (found.ends, found.lost, found.behind) == (("scores", "boxes"), ("nms",), ("scale",))
    assert [value.name for value in found.model.graph.output] == ["spare", "scores", "boxes"]
    assert [one.name for one in found.model.graph.node] == ["head", "chance", "spare"]
    onnx.checker.check_model(found.model, full_check=True)
    x = np.full((2, 4), -1, np.float32)
    spare, scores, boxes = create_session(found.model).run(None, {"x": x})
    np.testing.assert_array_equal(spare, -scores)
    np.testing.assert_array_equal(boxes, np.zeros_like(x))


def test_a_model_that_onnx_runtime_runs_stays_as_it_is() -> None:
    fused = node("FusedMatMul", "x w", "y", "fused", domain="com.microsoft")
    net = imported(model([fused], [info("x", [2, 2])], [info("y", [2, 2])], [f32("w", np.eye(2))]), "com.microsoft")
    assert runnable(net).model is net
    assert unknown_operators(net) == frozenset()
    assert [one.name for one in foreign_nodes(net)] == ["fused"]


def test_a_body_with_such_an_operator_takes_its_owner_along() -> None:
    inner = helper.make_graph([node("Plug", "a", "t", "plug", domain="mine")], "then", [], [info("t", [2])])
    other = helper.make_graph([node("Neg", "a", "e", "neg")], "else", [], [info("e", [2])])
    nodes = [node("Relu", "x", "a", "relu"), node("If", "flag", "y", "either", then_branch=inner, else_branch=other)]
    net = model(nodes, [info("x", [2]), info("flag", [], TensorProto.BOOL)], [info("y", [2])])
    found = runnable(imported(net, "mine"))
    assert (found.ends, found.lost, found.behind) == (("a",), ("either",), ())
    assert [value.name for value in found.model.graph.input] == ["x", "flag"]


def test_weights_that_only_lost_nodes_read_go_and_are_no_ends() -> None:
    nodes = [node("Relu", "x", "a", "relu"), node("Plug", "a w", "y", "plug", domain="mine")]
    net = imported(model(nodes, [info("x", [2])], [info("y", [2])], [f32("w", [1, 2])]), "mine")
    found = runnable(net)
    assert found.ends == ("a",)
    assert list(found.model.graph.initializer) == []


def test_nothing_before_a_foreign_operator_is_an_error_that_names_it() -> None:
    nodes = [node("Plug", "x", "a", "plug", domain="mine"), node("Relu", "a", "y", "relu")]
    net = imported(model(nodes, [info("x", [2])], [info("y", [2])]), "mine")
    with pytest.raises(ModelError, match=r"cannot run plug \(Plug, domain 'mine'\).*custom-ops"):
        runnable(net)


@pytest.mark.parametrize("opset", [11, 17])
def test_a_plugin_among_onnxs_own_operators_gets_a_domain_before_the_opset_is_raised(opset: int) -> None:
    net, notes = prepare(detector(domain="", opset=opset))
    assert [(one.op_type, one.domain) for one in foreign_nodes(net)] == [("EfficientNMS_TRT", "TRT")]
    assert {entry.domain: entry.version for entry in net.opset_import} == {"": max(opset, 13), "TRT": 1}
    assert notes[0] == "ONNX has no EfficientNMS_TRT: they were given the domain TRT (1 in all)"
    onnx.checker.check_model(net)


def test_a_domain_that_a_model_uses_without_declaring_it_is_declared() -> None:
    net = model([node("Plug", "x", "y", "plug", domain="mine")], [info("x", [2])], [info("y", [2])])
    assert move_plugins(net) == []
    assert [entry.domain for entry in net.opset_import] == ["", "mine"]


def test_onnxs_operators_stay_also_those_that_are_no_more() -> None:
    net = model(
        [node("Upsample", "x s", "y", "up")],
        [info("x", [1, 1, 2, 2])],
        [info("y", None)],
        [f32("s", [1, 1, 2, 2])],
        9,
    )
    assert move_plugins(net) == []
    assert net.graph.node[0].domain == ""


def test_ending_at_the_outputs_that_a_model_has_is_that_model() -> None:
    net = detector()
    assert ending_at(net, ["scaled", "number", "spare"]) is net


def test_an_operator_of_another_device_is_none_that_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(net: onnx.ModelProto) -> None:
        raise ModelError(f"ONNX Runtime refuses the model: Failed to find kernel for {net.graph.node[0].op_type}(1)")

    monkeypatch.setattr(foreign, "create_session", refuse)
    assert unknown_operators(detector()) == {("TRT", "EfficientNMS_TRT")}


def test_another_complaint_than_of_the_operator_is_left_to_who_runs_it() -> None:
    nodes = [node("FusedMatMul", "x", "y", "short of an input", domain="com.microsoft")]
    net = imported(model(nodes, [info("x", [2])], [info("y", [2])], [i64("n", [1])]), "com.microsoft")
    assert unknown_operators(net) == frozenset()

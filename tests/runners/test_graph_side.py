"""A side of ONNX graphs hands out tensors as its types have them, by the names of the original file."""

from __future__ import annotations

import numpy as np
import onnx
from graph_models import f32, info, model, node

from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.graph_side import GraphSide, handed_out


def test_low_tensors_come_out_in_fp32_behind_a_cast_and_others_as_they_are(overflowing: onnx.ModelProto) -> None:
    typed = rewrite(overflowing, PrecisionPlan("fp16", {"down": "fp32"})).model
    marked, names = handed_out(typed, ["a", "b", "y"])
    assert sorted(names.values()) == ["a"]
    added = {value.name for value in marked.graph.output} - {value.name for value in typed.graph.output}
    assert added == {*names, "b"}
    assert {value.type.tensor_type.elem_type for value in marked.graph.output} == {onnx.TensorProto.FLOAT}
    (cast,) = (entry for entry in marked.graph.node if entry.output[0] in names)
    assert (cast.op_type, [*cast.input]) == ("Cast", ["a"])
    onnx.checker.check_model(marked, full_check=True)


def test_the_graph_that_is_marked_is_a_copy(overflowing: onnx.ModelProto) -> None:
    before = overflowing.SerializeToString()
    handed_out(overflowing, ["a", "b"])
    assert overflowing.SerializeToString() == before


def test_what_is_no_float_of_the_graph_is_not_read_and_the_rest_is_told() -> None:
    nodes = [node("Relu", "x", "r"), node("ArgMax", "r", "i", axis=1), node("Mul", "r two", "y")]
    outputs = [info("y", [1, 4]), info("i", [1, 1], onnx.TensorProto.INT64)]
    net = model(nodes, [info("x", [1, 4])], outputs, [f32("two", 2.0)])
    with GraphSide(net, TypedRunner).start(["r", "i", "y", "gone"]) as reader:
        found = reader({"x": np.ones((1, 4), np.float32)})
    assert {*found} == {"r", "y", "i"}
    assert {name: one.mechanism for name, one in reader.readings.items()} == {"r": "typed", "y": "typed"}


def test_a_low_tensor_is_read_behind_a_cast(overflowing: onnx.ModelProto) -> None:
    typed = rewrite(overflowing, PrecisionPlan("fp16", {"down": "fp32"})).model
    reader = GraphSide(typed, TypedRunner).start(["a", "b"])
    assert {name: one.mechanism for name, one in reader.readings.items()} == {"a": "cast", "b": "typed"}

"""Of initializers that are inputs, weights are hidden, and inputs that have a default stay what they are."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, run
from onnx import TensorProto, numpy_helper

from trtflow.model.defaults import hide_weights
from trtflow.model.load import prepare
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16
from trtflow.rewriting.rewrite import rewrite


def net(*listed: str, ir_version: int = 8, elem: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """(x + w)·k, w = 1 and k = 2 being initializers, of which ``listed`` are inputs."""
    two = numpy_helper.from_array(np.full(1, 2, np.float16 if elem == TensorProto.FLOAT16 else np.float32), "k")
    nodes = [node("Add", "x w", "a"), node("Mul", "a k", "y")]
    inputs = [info(name, [1], elem) for name in ("x", *listed)]
    return model(nodes, inputs, [info("y", [1], elem)], [f32("w", [1]), two], ir_version=ir_version)


@pytest.mark.parametrize(
    ("listed", "ir_version", "elem", "kept"),
    [
        ((), 8, TensorProto.FLOAT, []),
        (("k",), 8, TensorProto.FLOAT, ["k"]),
        (("w", "k"), 8, TensorProto.FLOAT, []),
        (("k",), 3, TensorProto.FLOAT, []),
        (("k",), 8, TensorProto.FLOAT16, []),
    ],
    ids=["none", "some", "all, as exporters do", "before IR 4", "FP16"],
)
def test_some_that_are_listed_are_inputs(
    listed: tuple[str, ...], ir_version: int, elem: int, kept: list[str]
) -> None:
    proto = net(*listed, ir_version=ir_version, elem=elem)
    notes = hide_weights(proto)
    assert [value.name for value in proto.graph.input] == ["x", *kept]
    assert any("became constants" in note for note in notes) == bool(len(listed) - len(kept))
    assert any(note.startswith("k: inputs that have a default") for note in notes) == bool(kept)


def test_the_mixed_file_still_takes_another_value() -> None:
    mixed = rewrite(prepare(net("k"))[0], PrecisionPlan(FP16)).model
    assert [value.name for value in mixed.graph.input] == ["x", "k"]
    x = np.array([3], np.float32)
    assert run(mixed, {"x": x})[0] == 8
    assert run(mixed, {"x": x, "k": np.array([5], np.float32)})[0] == 20

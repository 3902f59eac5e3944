"""Where a network does not run on a sample, it is said which input does not fit."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto

from trtflow.errors import ModelError
from trtflow.model.fed import not_run

SAID = RuntimeError("Node 'n' failed:\n  2 by 3")


def net(b: str = "b") -> onnx.ModelProto:
    """x·s + w, x having 16 columns whatever it declares."""
    nodes = [node("Mul", "x s", "m"), node("Add", "m w", "y", "add")]
    inputs = [info("x", ["b", "c"]), info("s", [b, 1])]
    return model(nodes, inputs, [info("y", None)], [f32("w", np.ones((1, 16)))])


def zeros(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def test_a_dimension_of_one_name_has_one_size() -> None:
    told = str(not_run(net(), zeros(x=(5, 16), s=(4, 1)), SAID))
    assert told == (
        "the sample does not fit the network: 'b' is 5 in input 'x' and 4 in input 's'; expected one size. Feed "
        "shapes that belong together. ONNX Runtime says: Node 'n' failed: 2 by 3"
    )


def test_an_input_that_the_network_refuses_is_named_with_what_was_fed_and_what_is_declared() -> None:
    told = str(not_run(net("d"), zeros(x=(5, 10), s=(5, 1)), SAID))
    assert "not fit the network: input 'x' has shape (5, 10), declared is (b, c): " in told
    assert "node name: add" in told
    assert "input 's'" not in told


@pytest.mark.parametrize("shape", [(5, 16), (1, 16)])
def test_shapes_that_fit_are_not_blamed(shape: tuple[int, int]) -> None:
    error = not_run(net(), zeros(x=shape, s=(shape[0], 1)), SAID)
    assert isinstance(error, ModelError)
    assert str(error) == "ONNX Runtime cannot run the model on the sample: Node 'n' failed: 2 by 3"


def test_nor_where_the_network_contradicts_itself_whatever_is_fed() -> None:
    wrong = model([node("NonZero", "x", "y")], [info("x", ["n"])], [info("y", None, TensorProto.FLOAT)])
    assert str(not_run(wrong, zeros(x=(3,)), SAID)).startswith("ONNX Runtime cannot run")

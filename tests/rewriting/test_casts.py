from __future__ import annotations

import onnx
import pytest
from graph_models import f32, info, model, node

from trtflow.errors import ModelError
from trtflow.rewriting.casts import check_casts

HALF, BF16, FLOAT = 10, 16, 1


def net(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    return model(nodes, [info("x", [4]), info("i", [4], 7)], [info("y", None)], [f32("w", [1])])


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Cast", "x", "a", to=HALF), node("Cast", "a", "y", to=FLOAT)], "Cast n_y follows another Cast"),
        (
            [node("Cast", "x", "a", to=HALF), node("Cast", "a", "b", to=BF16), node("Cast", "b", "y", to=FLOAT)],
            "follows another Cast",
        ),
        ([node("Cast", "x", "y", to=FLOAT)], "Cast n_y does nothing"),
        ([node("Cast", "x", "a", to=HALF), node("Cast", "x", "b", to=HALF)], "Casts n_a and n_b do the same to x"),
    ],
)
def test_needless_casts_are_found(nodes: list[onnx.NodeProto], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_casts(net(*nodes))


def test_casts_with_something_between_and_casts_of_integers_pass() -> None:
    check_casts(
        net(
            node("Cast", "x", "a", to=HALF),
            node("Relu", "a", "b"),
            node("Cast", "b", "c", to=FLOAT),
            node("Cast", "i", "f", to=FLOAT),
            node("Cast", "f", "g", to=7),
            node("Add", "c f", "y"),
        )
    )

"""A budget is spent on weights first, and on tensors what is left."""

from __future__ import annotations

import pytest
from graph_models import f32, info, model, node, random

from trtflow.runners.room import Room, first_read, share


@pytest.mark.parametrize(
    ("memory", "weights", "models", "expected"),
    [(1200, 0, 2, Room(300)), (1200, 200, 2, Room(200)), (1200, 300, 2, Room(300, keep=False))],
)
def test_sessions_stay_open_while_their_weights_take_a_third(
    memory: int, weights: int, models: int, expected: Room
) -> None:
    assert share(memory, weights, models) == expected


@pytest.mark.parametrize(("weights", "expected"), [(400, Room(100)), (401, Room(300, keep=False))])
def test_who_would_open_them_often_keeps_more_of_them_open(weights: int, expected: Room) -> None:
    assert share(1200, weights, 2, most=2 / 3) == expected


def test_a_weight_counts_with_the_first_tensor_behind_it() -> None:
    nodes = [node("MatMul", "x w", "a"), node("MatMul", "a v", "b"), node("MatMul", "b w", "y")]
    weights = [f32("w", random(150, 150)), f32("v", random(150, 150)), f32("small", random(2))]
    net = model(nodes, [info("x", [1, 150])], [info("y", None)], weights)
    assert first_read(net, ["b", "y"]) == {"b": 2 * 4 * 150 * 150, "y": 0}

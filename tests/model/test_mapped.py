"""Large weights lie in a file, once, and a light model is the same to whoever reads or runs it."""

from __future__ import annotations

import numpy as np
import onnx
from graph_models import f32, info, model, node, random

from trtflow.model.constants import values
from trtflow.model.mapped import SMALL, MappedWeights, weight_bytes
from trtflow.model.session import create_session

SIDE = 160
WEIGHT = random(SIDE, SIDE)


def network() -> onnx.ModelProto:
    nodes = [node("MatMul", "x w", "h"), node("MatMul", "h again", "r"), node("Add", "r b", "y")]
    weights = [f32("w", WEIGHT), f32("again", WEIGHT), f32("b", np.ones(SIDE))]
    return model(nodes, [info("x", [2, SIDE])], [info("y", None)], weights)


def test_a_light_model_holds_small_weights_alone_and_equal_ones_lie_in_the_file_once() -> None:
    net = network()
    assert SIDE < SMALL < SIDE * SIDE
    with MappedWeights() as mapped:
        light = mapped.light(net)
        places = [{entry.key: entry.value for entry in tensor.external_data} for tensor in light.graph.initializer]
        assert places[0] == places[1]
        assert places[2] == {}
        assert light.ByteSize() < 10 * SIDE * 4
        assert mapped.light(light) == light
    assert net == network(), "the model itself is left alone"


def test_values_and_bytes_of_weights_are_the_same_wherever_they_lie() -> None:
    net = network()
    with MappedWeights() as mapped:
        light = mapped.light(net)
        for one, other in zip(net.graph.initializer, light.graph.initializer, strict=True):
            np.testing.assert_array_equal(values(one), values(other))
        assert weight_bytes(light) == weight_bytes(net) == 2 * 4 * SIDE * SIDE


def test_a_session_of_a_light_model_computes_the_same_bits_and_outlives_the_file() -> None:
    net, feed = network(), {"x": random(2, SIDE)}
    with MappedWeights() as mapped:
        session = create_session(mapped.light(net))
    np.testing.assert_array_equal(session.run(None, feed)[0], create_session(net).run(None, feed)[0])

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import info, model, node, ops, random, run
from onnx import helper

from trtflow.model.functions import inline_functions

OPERATOR = ["local functions named as ONNX's operators (Relu) were left out: ONNX Runtime runs these"]
INLINED = ["1 local functions were inlined"]


def calling(name: str, domain: str) -> onnx.ModelProto:
    """A call of the local function ``name``, which is Tanh."""
    net = model([helper.make_node(name, ["x"], ["y"], "call", domain=domain)], [info("x", [4])], [info("y", [4])])
    made = helper.make_function(domain, name, ["a"], ["b"], [node("Tanh", "a", "b")], [helper.make_opsetid("", 17)])
    net.functions.append(made)
    if domain:
        net.opset_import.append(helper.make_opsetid(domain, 1))
    return net


@pytest.mark.parametrize(
    ("name", "domain", "expected", "notes"),
    [
        ("Relu", "", "Relu", OPERATOR),
        ("Relu", "mine", "Tanh", INLINED),
        ("Mine", "mine", "Tanh", INLINED),
    ],
)
def test_a_function_means_what_it_means_in_onnx_runtime(
    name: str, domain: str, expected: str, notes: list[str]
) -> None:
    before = run(calling(name, domain), {"x": random(4)})
    inlined, told = inline_functions(calling(name, domain))
    assert (ops(inlined.graph), told, list(inlined.functions)) == ([expected], notes, [])
    np.testing.assert_array_equal(run(inlined, {"x": random(4)}), before)


def test_a_model_without_functions_is_as_it_was() -> None:
    net = model([node("Relu", "x", "y")], [info("x", [4])], [info("y", [4])])
    assert inline_functions(net) == (net, [])

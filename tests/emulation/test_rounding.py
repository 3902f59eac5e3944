from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import LEVELS, info, model, run
from onnx import TensorProto

from trtflow.emulation.rounding import Roundings, cast_pair
from trtflow.model.edit import FreshNames
from trtflow.plan import Precision

ELEMS: dict[Precision, int] = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}


def told(node: onnx.NodeProto) -> tuple[str, str, str, int]:
    return node.name, node.input[0], node.output[0], node.attribute[0].i


@pytest.mark.parametrize("precision", ELEMS)
def test_a_pair_goes_down_to_the_format_and_up_again(precision: Precision) -> None:
    nodes = cast_pair("x", "y", precision, FreshNames(["y__stored"]))
    assert [told(node) for node in nodes] == [
        ("y__down", "x", "y__stored_1", ELEMS[precision]),
        ("y__up", "y__stored_1", "y", TensorProto.FLOAT),
    ]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("precision", "expected"), [("fp16", np.inf), ("bf16", 70144.0)])
def test_no_optimisation_level_elides_a_pair(precision: Precision, expected: float, level: str) -> None:
    net = model(cast_pair("x", "y", precision, FreshNames([])), [info("x", [1])], [info("y", [1])])
    assert run(net, {"x": np.array([7e4], np.float32)}, level)[0].tolist() == [expected]


def test_a_copy_is_made_once_however_often_it_is_asked_for() -> None:
    roundings = Roundings(FreshNames([]))
    asked = [roundings.request(("", "t"), precision) for precision in ("fp16", "fp16", "bf16")]
    assert asked == ["t__fp16", "t__fp16", "t__bf16"]
    made = roundings.made_from("", ["t"])
    assert [node.name for node in made] == ["t__fp16__down", "t__fp16__up", "t__bf16__down", "t__bf16__up"]


def test_copies_are_made_in_the_scope_of_their_tensor() -> None:
    roundings = Roundings(FreshNames([]))
    names = [roundings.request((scope, "t"), "fp16") for scope in ("", "/if.then_branch")]
    assert names == ["t__fp16", "t__fp16_1"]
    assert [node.output[0] for node in roundings.made_from("/if.then_branch", ["t"])][1:] == ["t__fp16_1"]
    assert roundings.made_from("", ["other"]) == []

"""Shape inference is shown nothing heavy, and nothing that ends the process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from graph_models import f32, info, model, node, random
from onnx import TensorProto, helper

from trtflow.model.opset import raise_opset
from trtflow.model.skeleton import LARGE, skeleton

BEHIND = {
    "EyeLike": (node("EyeLike", "s", "y", dtype=TensorProto.DOUBLE), TensorProto.DOUBLE),
    "RegexFullMatch": (node("RegexFullMatch", "s", "y", pattern="a"), TensorProto.BOOL),
}


def behind_a_stranger(last: onnx.NodeProto, opset: int = 20) -> onnx.ModelProto:
    nodes = [node("Strange", "x", "s", domain="custom"), last]
    net = model(nodes, [info("x", [4])], [onnx.ValueInfoProto(name="y")], opset=opset)
    net.opset_import.append(helper.make_opsetid("custom", 1))
    return net


def in_a_body(last: onnx.NodeProto) -> onnx.ModelProto:
    branch = helper.make_graph(
        [node("Strange", "x", "s", domain="custom"), last], "b", [], [onnx.ValueInfoProto(name="y")]
    )
    net = model(
        [node("If", "c", "z", then_branch=branch, else_branch=branch)],
        [info("c", [], TensorProto.BOOL), info("x", [4])],
        [onnx.ValueInfoProto(name="z")],
        opset=20,
    )
    net.opset_import.append(helper.make_opsetid("custom", 1))
    return net


def in_a_child(script: str, net: onnx.ModelProto, folder: Path) -> str:
    """What ``script`` prints of the model, in a process of its own; "" when it crashes."""
    onnx.save(net, folder / "m.onnx")
    setup = "import sys, onnx\nfrom trtflow.model.types import infer\nfrom trtflow.model.opset import raise_opset\n"
    command = [sys.executable, "-c", f"{setup}m = onnx.load(sys.argv[1])\n{script}", str(folder / "m.onnx")]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    return child.stdout.strip()


@pytest.mark.parametrize("built", [behind_a_stranger, in_a_body], ids=["main graph", "body"])
@pytest.mark.parametrize(("last", "elem"), BEHIND.values(), ids=BEHIND)
def test_operators_that_crash_inference_behind_a_foreign_one_have_their_types(
    last: onnx.NodeProto, elem: int, built: Callable[[onnx.NodeProto], onnx.ModelProto], tmp_path: Path
) -> None:
    script = "print({type.elem for (_, name), type in infer(m).table.items() if name == 'y'})"
    assert in_a_child(script, built(last), tmp_path) == f"{{{elem}}}"


def test_the_opset_is_raised_past_an_eyelike_behind_a_foreign_operator(tmp_path: Path) -> None:
    last = node("EyeLike", "s", "y", "eye", dtype=1)
    script = "n = raise_opset(m, 13).graph.node[-1]\nprint(n.op_type, n.domain or 'standard', n.attribute[0].i)"
    assert in_a_child(script, behind_a_stranger(last, 9), tmp_path) == "EyeLike standard 1"


def test_an_eyelike_is_raised_as_it_is() -> None:
    net = model([node("EyeLike", "x", "y", "eye", k=1)], [info("x", [3, 3])], [info("y", [3, 3])], opset=9)
    raised = raise_opset(net, 13)
    assert list(raised.graph.node) == list(net.graph.node)
    assert [entry.domain for entry in raised.opset_import] == [""]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (node("EyeLike", "x", "y", dtype=6), "Cast"),
        (node("EyeLike", "x", "y"), "EyeLike"),
        (node("EyeLike", "x", "y", domain="mine", dtype=6), "EyeLike"),
        (node("RegexFullMatch", "x", "y", pattern="a"), "Cast"),
        (node("RandomNormalLike", "x", "y", dtype=1), "RandomNormalLike"),
    ],
)
def test_only_what_crashes_has_a_stand_in_and_the_model_keeps_its_own(written: onnx.NodeProto, shown: str) -> None:
    net = model([written], [info("x", [3, 3])], [info("y", [3, 3])], opset=20)
    before = net.SerializeToString()
    assert [n.op_type for n in skeleton(net).graph.node] == [shown]
    assert net.SerializeToString() == before


@pytest.mark.parametrize(("size", "held"), [(LARGE, True), (LARGE + 1, False)])
def test_bytes_of_large_weights_stay_behind(size: int, held: bool) -> None:
    net = model([node("Add", "x w", "y")], [info("x", [size])], [info("y", [size])], [f32("w", random(size))])
    (weight,) = skeleton(net).graph.initializer
    assert (tuple(weight.dims), weight.data_type, weight.HasField("raw_data")) == ((size,), 1, held)

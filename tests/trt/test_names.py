"""The names table on networks of TensorRT-RTX's real parser, and of versions that say less."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import onnx
import parsed
import pytest
from parsed import needs_rtx

from trtflow.files.exports.layers import LayerName, name_layers, nodes_in
from trtflow.model.load import prepare
from trtflow.trt.names import made_tensors, names_table, with_engine_layers

Short = dict[str, tuple[tuple[str, ...], str]]


def table(model: onnx.ModelProto) -> Short:
    """Layer → its nodes and role."""
    return {row.layer: (row.nodes, row.role) for row in names_table(parsed.parsed(model), model)}


@needs_rtx
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            parsed.gemm,
            {
                "w": (("gemm",), "constant"),
                "gemm": (("gemm",), "own"),
                "b": (("gemm",), "constant"),
                "ONNXTRT_Broadcast": (("gemm",), "helper"),
                "gemm_0": (("gemm",), "own"),
            },
        ),
        (parsed.split, {"sp": (("sp",), "own"), "sp_1": (("sp",), "own")}),
        (parsed.softmax, {"sm": (("sm",), "own"), "ONNXTRT_ShapeShuffle": (("sm",), "helper")}),
        (
            parsed.instance_norm,
            {
                "s": (("in",), "constant"),
                "b": (("in",), "constant"),
                "(Unnamed Layer* 2) [Constant]": (("in",), "constant"),
                "ONNXTRT_unsqueezeTensor": (("in",), "helper"),
                "(Unnamed Layer* 4) [Constant]": (("in",), "constant"),
                "ONNXTRT_unsqueezeTensor_1": (("in",), "helper"),
                "in": (("in",), "own"),
            },
        ),
        (
            parsed.shared_constant,
            {
                "c": (("mul", "add"), "constant"),
                "ONNXTRT_Broadcast": (("mul",), "helper"),
                "mul": (("mul",), "own"),
                "ONNXTRT_Broadcast_1": (("add",), "helper"),
                "add": (("add",), "own"),
            },
        ),
        (parsed.named_alike, {"c": (("c",), "own"), "c_0": (("add",), "constant"), "add": (("add",), "own")}),
        (parsed.returned_input, {"r": (("r",), "own"), "ONNXTRT_identity": ((), "helper")}),
    ],
)
def test_every_layer_is_of_the_nodes_that_it_serves(model: Callable[[], onnx.ModelProto], expected: Short) -> None:
    assert table(model()) == expected


@needs_rtx
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("", ""), {"node_of_a": (("node_of_a",), "own"), "node_of_y": (("node_of_y",), "own")}),
        (("a]b", "[ONNX Layer: q]"), {"a]b": (("a]b",), "own"), "[ONNX Layer: q]": (("[ONNX Layer: q]",), "own")}),
        (("d", "d"), {"d": (("d",), "own"), "d_1": (("d_1",), "own")}),
    ],
    ids=["unnamed", "brackets", "shared"],
)
def test_nodes_of_a_prepared_model_keep_their_names(names: tuple[str, str], expected: Short) -> None:
    assert table(prepare(parsed.chain(*names))[0]) == expected


@needs_rtx
def test_of_two_nodes_of_one_name_the_parser_says_one() -> None:
    """Why the model with unique names is published."""
    assert table(parsed.chain("d", "d")) == {"d": (("d",), "own"), "d_0": (("d",), "own")}


@needs_rtx
def test_tensors_and_types_are_told_and_shapes_apart() -> None:
    model = parsed.shared_constant()
    rows = {row.layer: (row.tensors, row.types, row.reads) for row in names_table(parsed.parsed(model), model)}
    assert rows["c"] == (("c",), ("FLOAT",), ())
    assert rows["ONNXTRT_Broadcast"] == (("",), ("FLOAT",), ("FLOAT",))
    assert rows["mul"] == (("a",), ("FLOAT",), ("FLOAT", "FLOAT"))
    model = parsed.instance_norm()
    assert names_table(parsed.parsed(model), model)[3].reads == ("FLOAT", "SHAPE")


@needs_rtx
def test_a_loop_has_the_layers_that_make_its_tensors_and_not_those_of_its_body() -> None:
    found = table(parsed.loop())
    assert found["again"] == (("again",), "own")
    assert found["body/add"] == (("body/add",), "own")
    assert {layer for layer, (nodes, _) in found.items() if nodes == ("loop",)} >= {
        "first", "ONNXTRT_convertToScalar", "(Unnamed Layer* 9) [Recurrence]", "(Unnamed Layer* 14) [LoopOutput]",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ("[ONNX Layer: a]", ["a"]),
        ("[ONNX Layer: a]b]", ["a]b"]),
        ("[ONNX Layer: a]\x1e[ONNX Layer: a]b]", ["a", "a]b"]),
        ("[ONNX Layer: a][ONNX Layer: /c/Conv]", ["a", "/c/Conv"]),
        ("[ONNX Layer: ab]", []),
        ("[ONNX Layer: /c/Co", ["/c/Conv"]),
        ("[ONNX Layer: a]\x1e[ONNX Layer: /", ["a"]),
        ("", []),
        ("a", []),
    ],
)
def test_metadata_name_nodes_exactly(metadata: str, found: list[str]) -> None:
    assert nodes_in(metadata, dict.fromkeys(("a", "a]b", "/c/Conv", "/c/Relu"))) == found


def tensor(name: str) -> Any:
    return SimpleNamespace(name=name, is_shape_tensor=False, dtype=SimpleNamespace(name="FLOAT"))


def layer(name: str, kind: str, reads: list[str], makes: list[str]) -> Any:
    """One of a version before metadata."""
    return SimpleNamespace(
        name=name,
        type=SimpleNamespace(name=kind),
        num_inputs=len(reads),
        get_input=[tensor(one) for one in reads].__getitem__,
        num_outputs=len(makes),
        get_output=[tensor(one) for one in makes].__getitem__,
    )


def network(*layers: Any) -> Any:
    return SimpleNamespace(num_layers=len(layers), get_layer=layers.__getitem__)


def test_without_metadata_names_and_tensors_and_neighbours_tell() -> None:
    old = network(
        layer("(Unnamed Layer* 0) [Constant]", "CONSTANT", [], ["k"]),
        layer("(Unnamed Layer* 1) [Shuffle]", "SHUFFLE", ["k"], ["l"]),
        layer("gemm", "MATRIX_MULTIPLY", ["x", "l"], ["m"]),
        layer("(Unnamed Layer* 3) [ElementWise]", "ELEMENTWISE", ["m", "l"], ["y"]),
        layer("elsewhere", "ACTIVATION", ["y"], ["z"]),
    )
    rows = name_layers(old, {"gemm": ("y",), "relu": ()}, {"elsewhere": "relu"})
    assert [(row.nodes, row.role) for row in rows] == [
        (("gemm",), "constant"), (("gemm",), "helper"), (("gemm",), "own"), (("gemm",), "helper"), (("relu",), "own"),
    ]  # fmt: skip


def test_a_layer_of_a_node_not_asked_for_is_nobodys_helper() -> None:
    other = layer("other", "ACTIVATION", ["x"], ["a"])
    other.metadata = "[ONNX Layer: other]"
    mine = layer("mine", "ACTIVATION", ["a"], ["y"])
    mine.metadata = "[ONNX Layer: mine]"
    assert [row.nodes for row in name_layers(network(other, mine), {"mine": ("y",)})] == [(), ("mine",)]


def test_engine_layers_join_by_metadata_of_many_nodes() -> None:
    rows = [LayerName(name, "X", (name,), "own", (), (), ()) for name in ("conv", "relu", "soft", "gone")]
    engine = {
        "conv + relu": "[ONNX Layer: conv]\x1e[ONNX Layer: relu]",
        "soft": "[ONNX Layer: soft]",
        "reformat": "",
    }
    joined = [row.engine_layer for row in with_engine_layers(rows, engine)]
    assert joined == ["conv + relu", "conv + relu", "soft", ""]


def test_what_a_node_makes_are_its_outputs_and_what_enters_its_bodies() -> None:
    assert made_tensors(parsed.loop()) == {
        "loop": ("y", "i", "go", "carried"), "again": ("went",), "body/add": ("sum",),
    }  # fmt: skip
    assert made_tensors(parsed.chain("", "s")) == {"node_of_a": ("a",), "s": ("y",)}

"""Arguments of trtexec, read back by its grammar: it has no escapes, and what it cannot say is said in comments."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnx
import parsed
import pytest
from decisions import cured_decision, decision, int8_decision
from parsed import needs_rtx

from trtflow.files.exports import trtexec
from trtflow.files.exports.decision import Decision
from trtflow.files.exports.layers import LayerName
from trtflow.files.names import NamesTable
from trtflow.tasks.export import with_ports
from trtflow.trt.names import names_table

Types = dict[str, list[str]]
KNOWN = {"fp32", "fp16", "bf16", "int8", "int32", "int64", "bool"}


def arguments(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def as_trtexec_reads(text: str, key: str) -> Types:
    """Every comma parts two layers, the last colon a layer from its types, a plus two types; quotes come in pairs."""
    values = [line.split("=", 1)[1] for line in arguments(text) if line.startswith(f"--{key}=")]
    assert all(len(value.encode()) <= trtexec.ARGUMENT_LIMIT for value in values)
    found = {}
    for item in (item for value in values for item in value.split(",")):
        name, _, kinds = item.rpartition(":")
        assert name
        assert item.count("'") in (0, 2)
        assert KNOWN.issuperset(kinds.split("+"))
        found[name] = kinds.split("+")
    return found


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (decision(), ["--fp16"]),
        (
            decision("/a/Conv", "b:0"),
            [
                "--fp16",
                "--precisionConstraints=obey",
                "--layerPrecisions=/a/Conv:fp32,b:0:fp32",
                "--layerOutputTypes=/a/Conv:fp32,b:0:fp32",
            ],
        ),
        (
            int8_decision(),
            [
                "--fp16",
                "--int8",
                "--calib=calibration.cache",
                "--precisionConstraints=obey",
                "--layerPrecisions=a:int8,b:fp32",
                "--layerOutputTypes=b:fp32",
            ],
        ),
        (
            decision(a="int8"),
            [
                "--fp16",
                "--int8",
                "--calib=calibration.cache",
                "--precisionConstraints=obey",
                "--layerPrecisions=a:int8",
            ],
        ),
        (decision(a="fp8", scales={"x": 4.0}), ["--fp16"]),
    ],
    ids=["no node", "kept nodes", "INT8", "INT8 alone", "FP8 lives in the mixed model only"],
)
def test_without_a_parser_each_node_is_named_and_what_lacks_is_told(made: Decision, expected: list[str]) -> None:
    assert arguments(trtexec.write(made)) == expected
    assert "# No parser was at hand: of a node that becomes several layers only the first" in trtexec.write(made)


def with_table(made: Decision, *rows: LayerName) -> Decision:
    return Decision(made.constraints, names=NamesTable("TensorRT 10.9", rows))


@needs_rtx
@pytest.mark.parametrize(
    ("model", "kept", "precisions", "types"),
    [
        (
            parsed.gemm,
            "gemm",
            {"gemm", "ONNXTRT_Broadcast", "gemm_0"},
            {"w", "gemm", "b", "ONNXTRT_Broadcast", "gemm_0"},
        ),
        (parsed.split, "sp", {"sp", "sp_1"}, {"sp", "sp_1"}),
        (parsed.softmax, "sm", {"sm", "ONNXTRT_ShapeShuffle"}, {"sm", "ONNXTRT_ShapeShuffle"}),
        (parsed.shared_constant, "add", {"ONNXTRT_Broadcast_1", "add"}, {"c", "ONNXTRT_Broadcast_1", "add"}),
        (parsed.shapes, "shp", set(), set()),
    ],
)
def test_all_layers_of_a_node_come_back_as_trtexec_reads_them(
    model: Callable[[], onnx.ModelProto], kept: str, precisions: set[str], types: set[str]
) -> None:
    made = with_ports(decision(kept), model())
    text = trtexec.write(with_table(made, *names_table(parsed.parsed(model()), model())))
    assert as_trtexec_reads(text, "layerPrecisions") == {layer: ["fp32"] for layer in precisions}
    assert as_trtexec_reads(text, "layerOutputTypes") == {layer: ["fp32"] for layer in types}
    assert "# Layers as TensorRT 10.9 names them; another version may name" in text


def own(layer: str, node: str, **other: object) -> LayerName:
    parts: Mapping[str, object] = {"types": ("FLOAT",), "reads": ("FLOAT",), "tensors": ("",), **other}
    return LayerName(layer=layer, kind="TOPK", nodes=(node,), role="own", **parts)  # type: ignore[arg-type]


def test_a_type_stands_for_each_output_and_integers_keep_theirs() -> None:
    rows = [own("top", "n", types=("FLOAT", "INT32"), tensors=("", "")), own("two", "n", types=("FLOAT", "FLOAT"))]
    text = trtexec.write(with_table(decision("n"), *rows))
    assert as_trtexec_reads(text, "layerOutputTypes") == {"top": ["fp32", "int32"], "two": ["fp32", "fp32"]}


@pytest.mark.parametrize("name", ["a,b", "it's", "a b", "a\tb"])
@pytest.mark.parametrize("parser", [False, True])
def test_a_name_that_trtexec_cannot_say_is_named(name: str, parser: bool) -> None:
    made = decision(name, "c")
    text = trtexec.write(with_table(made, own(name, name), own("c", "c")) if parser else made)
    assert f"use polygraphy_postprocess.py: {name}" in text
    assert as_trtexec_reads(text, "layerPrecisions") == {"c": ["fp32"]}


def test_a_number_that_moves_with_any_edit_is_no_name() -> None:
    text = trtexec.write(with_table(decision("n"), own("(Unnamed Layer* 3) [ElementWise]", "n")))
    assert arguments(text) == ["--fp16"]
    assert "use polygraphy_postprocess.py: (Unnamed Layer* 3) [ElementWise]" in text


@pytest.mark.parametrize(("count", "told"), [(1000, False), (20_000, True)])
def test_an_argument_that_linux_would_refuse_is_told(count: int, told: bool) -> None:
    names = (f"/layer{index}" for index in range(count))
    assert ("# Too long for one argument on Linux" in trtexec.write(decision(*names))) is told


def test_what_the_mixed_model_alone_has_is_told() -> None:
    assert "# Only the mixed ONNX has the weight clipping." in trtexec.write(cured_decision()).splitlines()
    assert "# trtexec may run other layers in INT8, too" in trtexec.write(cured_decision())

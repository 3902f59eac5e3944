"""All shapes of the engine inspector's JSON are read as the same layers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.errors import BackendError
from trtflow.trt.inspector import EngineLayer, EngineTensor, nodes_of, precision_of, read_layers

METADATA = "[ONNX Layer: conv]\x1f[ONNX Layer: relu]"


def layer(**tensors: Any) -> dict[str, Any]:
    """A convolution with its activation, as the inspector tells it."""
    half, single = tensors["half"], tensors["single"]
    return {
        "Name": "conv + relu",
        "LayerType": "CaskConvolution",
        "Inputs": [{"Name": "x", "Location": "Device", "Dimensions": [1, 3, 8, 8], **half}],
        "Outputs": [{"Name": "y", "Location": "Device", "Dimensions": [1, 4, 8, 8], **single}],
        "TacticName": "sm80_xmma_fprop",
        "TacticValue": "0x0f",
        "StreamId": 0,
        "Metadata": METADATA,
    }


TEN = {
    "Layers": [
        layer(
            half={"Format/Datatype": "Channel major FP16 format where channel % 8 == 0"},
            single={"Format/Datatype": "Row major linear FP32 format"},
        )
    ],
    "Bindings": ["x", "y"],
}
ELEVEN_0 = {
    "Layers": [
        layer(
            half={"Format": "Channel major FP16 format where channel % 8 == 0", "Datatype": "Half"},
            single={"Format": "Row major linear FP32 format", "Datatype": "Float"},
        )
    ],
    "Bindings": ["x", "y"],
}
LATER = {
    "Layers": ELEVEN_0["Layers"],
    "I/O Tensors": [
        {"Name": "x", "IOMode": "Input", "DataType": "Half", "Dimensions": [1, 3, 8, 8], "Location": "Device"},
        {"Name": "y", "IOMode": "Output", "DataType": "Float", "Dimensions": [1, 4, 8, 8], "Location": "Device"},
    ],
}


@pytest.mark.parametrize("document", [TEN, ELEVEN_0, LATER], ids=["10", "11.0", "later"])
def test_the_three_shapes_tell_the_same_layers(document: dict[str, Any]) -> None:
    assert read_layers(json.dumps(document)) == (
        EngineLayer(
            "conv + relu",
            "CaskConvolution",
            (EngineTensor("x", "fp16", (1, 3, 8, 8)),),
            (EngineTensor("y", "fp32", (1, 4, 8, 8)),),
            ("conv", "relu"),
            "sm80_xmma_fprop",
        ),
    )


def test_a_layer_that_tells_little_is_read_as_far_as_it_goes() -> None:
    (found,) = read_layers('{"Layers": [{"Name": "n", "Inputs": null, "TacticValue": "0x1"}]}')
    assert found == EngineLayer("n", "", (), (), (), "0x1")


def test_the_type_stands_before_a_format_that_has_another_ones_name() -> None:
    told = {"Name": "t", "Dimensions": [], "Datatype": "BFloat16", "Format": "Row major linear FP16 format"}
    (found,) = read_layers(json.dumps({"Layers": [{"Outputs": [told]}]}))
    assert found.precisions == {"bf16"}


def test_separators_may_stand_unescaped_in_the_text() -> None:
    assert read_layers(json.dumps(TEN).replace("\\u001f", "\x1f")) == read_layers(json.dumps(TEN))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no JSON"),
        ("[]", "no layers"),
        ("{}", "no layers"),
        ('{"Layers": []}', "no layers"),
        ('{"Layers": ["conv + relu", "pool"], "Bindings": ["x"]}', "names of layers only"),
        ('{"Layers": [{"Name": "conv"}, "pool"], "I/O Tensors": []}', "names of layers only"),
    ],
)
def test_what_tells_too_little_is_refused_with_what_to_do(text: str, says: str) -> None:
    with pytest.raises(BackendError, match=says) as raised:
        read_layers(text)
    assert "expected" in str(raised.value)


def test_names_only_are_refused_with_the_option_that_helps() -> None:
    with pytest.raises(BackendError, match="--profilingVerbosity=detailed"):
        read_layers('{"Layers": ["conv"]}')


@pytest.mark.parametrize(
    ("words", "precision"),
    [
        ("Row major linear FP32 format", "fp32"),
        ("Float", "fp32"),
        ("Half", "fp16"),
        ("Two wide channel vectorized row major FP16 format", "fp16"),
        ("Row major linear BFloat16 format", "bf16"),
        ("BFloat16", "bf16"),
        ("BF16", "bf16"),
        ("Thirty-two wide channel vectorized row major Int8 format", "int8"),
        ("FP8", "fp8"),
        ("Float8E4M3", "fp8"),
        ("Row major linear Int64 format", None),
        ("UInt8", None),
        ("Int4", None),
        ("Bool", None),
        ("N/A due to dynamic shapes", None),
        ("", None),
    ],
)
def test_a_type_is_known_in_all_its_words(words: str, precision: str | None) -> None:
    assert precision_of(words) == precision


@pytest.mark.parametrize(
    ("metadata", "nodes"),
    [
        ("", ()),
        ("[ONNX Layer: a]", ("a",)),
        ("[ONNX Layer: a][ONNX Layer: b]", ("a", "b")),
        ("[ONNX Layer: a]\x1e[ONNX Layer: b]\x1f[ONNX Layer: a]", ("a", "b")),
        ("[ONNX Layer: x[0]/y]\x1f[ONNX Layer: z]", ("x[0]/y", "z")),
        ("[ONNX Layer: a]\x1f[ONNX Lay", ("a",)),
    ],
    ids=["none", "one", "side by side", "each once", "brackets", "cut off"],
)
def test_nodes_are_read_from_the_metadata(metadata: str, nodes: tuple[str, ...]) -> None:
    assert nodes_of(metadata) == nodes


NAMES = st.lists(st.text(st.characters(exclude_characters="\x1e\x1f"), min_size=1), unique=True).filter(
    lambda names: not any("[ONNX Layer: " in name for name in names)
)


@given(NAMES)
def test_any_names_come_back_from_metadata(names: list[str]) -> None:
    assert nodes_of("\x1f".join(f"[ONNX Layer: {name}]" for name in names)) == tuple(names)

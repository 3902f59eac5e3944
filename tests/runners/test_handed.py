"""Unfused debug tensors are known by the file's names, or left out."""

from __future__ import annotations

import json
from typing import Any

import onnx
import pytest
from graph_models import f32, info, model, node

from trtflow.errors import BackendError
from trtflow.runners.handed import unfused_marks
from trtflow.trt.marking import Mark


def chain() -> onnx.ModelProto:
    nodes = [
        node("Mul", "x two", "a", "double"),
        node("Relu", "a", "b", "cut"),
        node("Neg", "b", "c", "turn"),
        node("Abs", "c", "y", "end"),
    ]
    return model(nodes, [info("x", [1, 4])], [info("y", [1, 4])], [f32("two", 2.0)])


def layer(nodes: list[str], reads: str, makes: str, kind: str = "Half") -> dict[str, Any]:
    def tensor(name: str) -> dict[str, Any]:
        return {"Name": name, "Dimensions": [1, 4], "Format/Datatype": kind}

    metadata = "\x1f".join(f"[ONNX Layer: {name}]" for name in nodes)
    told = {"Name": "+".join(nodes), "LayerType": "kgen", "Metadata": metadata}
    return {**told, "Inputs": [tensor(reads)], "Outputs": [tensor(makes)]}


def test_what_fusion_leaves_has_the_name_that_the_file_gives_it() -> None:
    layers = [layer(["double", "cut"], "x", "__mye7"), layer(["turn"], "__mye7", "c"), layer(["end"], "c", "y")]
    found = unfused_marks(json.dumps({"Layers": layers}), "", chain())
    assert found == (Mark("b", "__mye7", "debug", "fp16"), Mark("c", "c", "debug", "fp16"))


def test_what_holds_no_floats_is_left_out() -> None:
    layers = [layer(["double", "cut"], "x", "b", "Int32"), layer(["turn"], "b", "c"), layer(["end"], "c", "y")]
    assert [mark.tensor for mark in unfused_marks(json.dumps({"Layers": layers}), "", chain())] == ["c"]


def test_an_engine_whose_layers_were_not_read_is_refused_with_another_way() -> None:
    with pytest.raises(BackendError, match=r"layers were not read: no GPU\. Use `capture: debug`"):
        unfused_marks(None, "no GPU", chain())

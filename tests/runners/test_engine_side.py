"""A side that is an engine: which tensors come out of it, how, and that they stay as low as they were."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners import registry
from trtflow.runners.engine_side import EngineSide
from trtflow.runners.registry import Executor
from trtflow.runners.side import Reading
from trtflow.trt.built import EngineBuild
from trtflow.trt.honoured import Constraint, Honoured
from trtflow.trt.isolated import build
from trtflow.trt.marking import Mark
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange

SHAPES = {"x": ShapeRange((1, 4), (1, 4), (1, 4))}
WRITERS = {"a": "up", "b": "down", "y": "add"}
MARKABLE = ("a", "b")


class Engine:
    """Hands out what it was asked to mark and can, each as a one; counts its builds."""

    name, is_engine, builds, facts = "tensorrt", True, True, ()

    def __init__(self) -> None:
        self.asked: list[EngineRequest] = []

    def start(self, model: onnx.ModelProto, request: EngineRequest) -> Engine:
        self.asked.append(request)
        marks = tuple(Mark(name, f"{name}__fp32", "cast", "fp16") for name in request.marks if name in MARKABLE)
        found = Honoured((Constraint("up", "fp16", "fused"),))
        self.built = EngineBuild("tensorrt", "11.4.0", 1.0, 1, {}, marks=marks, honoured=found)
        return self

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        return dict.fromkeys(["y", *(mark.tensor for mark in self.built.marks)], np.ones(1, np.float32))


def side(engine: Engine, **settings: Any) -> EngineSide:
    request = EngineRequest(Path("m.onnx"), settings=EngineSettings(**settings))
    execute = Executor(engine, request, "strong")  # type: ignore[arg-type]
    return EngineSide(onnx.ModelProto(), execute, WRITERS, PrecisionPlan("fp16"), {"x": 1.0})


def test_what_can_be_marked_comes_out_with_its_mechanism_and_what_was_built() -> None:
    engine = Engine()
    with side(engine).start(["a", "b", "c"]) as reader:
        assert {*reader({})} == {"y", "a", "b"}
        assert reader.readings == {"a": Reading("cast", "fused"), "b": Reading("cast", None)}
    (asked,) = engine.asked
    assert (asked.marks, asked.plan, asked.ranges) == (("a", "b", "c"), PrecisionPlan("fp16"), {"x": 1.0})


def test_a_batch_is_an_engine_of_its_own_unless_all_tensors_come_at_once() -> None:
    marked, whole = Engine(), Engine()
    for engine, settings in ((marked, {}), (whole, {"capture": "unfused-debug"})):
        one = side(engine, **settings)
        for batch in ([], ["a"], ["b"]):
            with one.start(batch) as reader:
                assert {*reader({})} == {"y", *batch}
    assert [request.marks for request in marked.asked] == [(), ("a",), ("b",)]
    assert [request.marks for request in whole.asked] == [(), ("a", "b", "y")]


def test_before_it_was_built_nothing_is_told() -> None:
    reader = side(Engine()).start(["a"])
    vars(vars(reader)["runner"])["runner"].built = None
    assert reader.readings == {}
    assert registry.Reporting(Engine()).built is None  # type: ignore[arg-type]


@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="pip install 'trtflow[rtx]'")
@pytest.mark.parametrize(("low", "word"), [("fp16", "half"), ("bf16", "bf16")])
def test_a_real_builder_leaves_a_marked_tensor_as_low_as_it_was(
    overflowing: onnx.ModelProto, tmp_path: Path, low: Any, word: str
) -> None:
    onnx.save(rewrite(overflowing, PrecisionPlan(low)).model, tmp_path / "m.onnx")
    plain = EngineRequest(tmp_path / "m.onnx", SHAPES)
    unmarked = build(plain, "tensorrt-rtx", tmp_path / "plain")
    marked = build(replace(plain, marks=("a", "b", "absent")), "tensorrt-rtx", tmp_path / "marked")
    assert marked.marks == (Mark("a", "a__fp32", "cast", low), Mark("b", "b__fp32", "cast", low))
    assert marked.tensors[word] == unmarked.tensors[word] > 0, "all that was low still is"
    assert marked.bytes > 0

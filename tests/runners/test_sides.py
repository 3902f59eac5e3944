"""A side hands out tensors as its types have them, by the names of the original file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fake_engines import FakeEngine, install
from graph_models import f32, info, model, node
from hypothesis import given
from hypothesis import strategies as st

from trtflow.data import Sample
from trtflow.errors import BackendError
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.quantized import Ranges
from trtflow.runners.registry import Executor, executor
from trtflow.runners.sides import GraphSide, handed_out, side_maker
from trtflow.trt.request import EngineRequest

FEED = {"x": np.array([[1.0, 60.7, 70.0, -70.0]], np.float32)}
SAMPLES = [Sample(FEED)]
TENSORS = ["a", "b", "y"]
NOTHING = Ranges({})


def read(side: Any, tensors: Sequence[str]) -> Mapping[str, Any]:
    with side.start(tensors) as runner:
        found: Mapping[str, Any] = runner(dict(FEED))
    return found


def test_low_tensors_come_out_in_fp32_behind_a_cast_and_others_as_they_are(overflowing: onnx.ModelProto) -> None:
    typed = rewrite(overflowing, PrecisionPlan("fp16", {"down": "fp32"})).model
    marked, names = handed_out(typed, ["a", "b", "y"])
    assert sorted(names.values()) == ["a"]
    added = {value.name for value in marked.graph.output} - {value.name for value in typed.graph.output}
    assert added == {*names, "b"}
    assert {value.type.tensor_type.elem_type for value in marked.graph.output} == {onnx.TensorProto.FLOAT}
    (cast,) = (entry for entry in marked.graph.node if entry.output[0] in names)
    assert (cast.op_type, [*cast.input]) == ("Cast", ["a"])
    onnx.checker.check_model(marked, full_check=True)


def test_the_graph_that_is_marked_is_a_copy(overflowing: onnx.ModelProto) -> None:
    before = overflowing.SerializeToString()
    handed_out(overflowing, ["a", "b"])
    assert overflowing.SerializeToString() == before


def execute(name: str) -> Executor:
    return executor(name, EngineRequest(Path("model.onnx")))


@pytest.mark.parametrize("runner", ["emulated", "cuda"])
def test_a_plan_is_executed_and_read_by_the_names_of_the_file(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    install(monkeypatch, FakeEngine())
    side = side_maker(overflowing, [runner], SAMPLES, TENSORS, 1 << 20, execute)(
        runner, PrecisionPlan("fp16"), NOTHING, "tensor"
    )
    found = read(side, TENSORS)
    assert {*found} == {*TENSORS}
    assert np.isinf(found["a"]).tolist() == [[False, False, True, True]]
    assert side.observed is (runner == "cuda")


def test_the_reference_is_the_file_itself(overflowing: onnx.ModelProto) -> None:
    make = side_maker(overflowing, ["onnxruntime"], SAMPLES, TENSORS, 1 << 20, execute)
    side = make("onnxruntime", PrecisionPlan("fp32"), NOTHING, "tensor")
    assert read(side, ["a"])["a"].tolist() == (FEED["x"] * 1000).tolist()
    assert not side.observed


def test_what_would_hide_fp16_is_refused(overflowing: onnx.ModelProto) -> None:
    make = side_maker(overflowing, ["onnxruntime"], SAMPLES, TENSORS, 1 << 20, execute)
    with pytest.raises(BackendError, match=r"onnxruntime executes bf16, fp16 in FP32 on a CPU.*`runner: emulated`"):
        make("onnxruntime", PrecisionPlan("fp16", {"up": "bf16", "down": "fp32"}), NOTHING, "tensor")


def test_both_tensorrts_are_refused_in_one_process(overflowing: onnx.ModelProto) -> None:
    with pytest.raises(BackendError, match="in a step of its own"):
        side_maker(overflowing, ["tensorrt", "cuda", "tensorrt-rtx"], SAMPLES, TENSORS, 1, execute)


def test_what_is_no_float_of_the_graph_cannot_be_read() -> None:
    nodes = [node("Relu", "x", "r"), node("ArgMax", "r", "i", axis=1), node("Mul", "r two", "y")]
    outputs = [info("y", [1, 4]), info("i", [1, 1], onnx.TensorProto.INT64)]
    net = model(nodes, [info("x", [1, 4])], outputs, [f32("two", 2.0)])
    sizes = dict.fromkeys(["r", "i", "y", "gone"], 16)
    assert GraphSide(net, TypedRunner, sizes, 1 << 20).batches(["r", "i", "y", "gone"]) == [["r", "y"]]


@given(st.integers(1, 100))
def test_batches_fit_the_share_of_each_side(memory: int) -> None:
    net = model([node("Relu", "x", "r"), node("Neg", "r", "y")], [info("x", [1, 4])], [info("y", [1, 4])])
    make = side_maker(net, ["onnxruntime", "emulated"], SAMPLES, ["r", "y"], memory, execute)
    side = make("emulated", PrecisionPlan("fp16"), NOTHING, "tensor")
    assert side.batches(["r", "y"]) == ([["r", "y"]] if memory // 2 >= 32 else [["r"], ["y"]])

"""Each runner has its kind of side, and is told of a plan as it takes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fake_engines import FakeEngine, WeakEngine, install

from trtflow.errors import BackendError
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.runners.engine_side import EngineSide
from trtflow.runners.quantized import Ranges
from trtflow.runners.registry import Executor, executor
from trtflow.runners.sides import side_maker
from trtflow.trt.request import EngineRequest, EngineSettings

FEED = {"x": np.array([[1.0, 60.7, 70.0, -70.0]], np.float32)}
WRITERS = {"a": "up", "b": "down", "y": "add"}
TENSORS = [*WRITERS]
NOTHING = Ranges({})


def read(side: Any, tensors: Sequence[str]) -> Mapping[str, Any]:
    with side.start(tensors) as runner:
        found: Mapping[str, Any] = runner(dict(FEED))
    return found


def execute(name: str) -> Executor:
    return executor(name, EngineRequest(Path("model.onnx")))


@pytest.mark.parametrize("runner", ["emulated", "cuda"])
def test_a_plan_is_executed_and_read_by_the_names_of_the_file(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    install(monkeypatch, FakeEngine())
    side = side_maker(overflowing, [runner], WRITERS, execute)(runner, PrecisionPlan("fp16"), NOTHING, "tensor")
    found = read(side, TENSORS)
    assert {*found} == {*TENSORS}
    assert np.isinf(found["a"]).tolist() == [[False, False, True, True]]
    assert side.observed is (runner == "cuda")


def test_the_reference_is_the_file_itself(overflowing: onnx.ModelProto) -> None:
    make = side_maker(overflowing, ["onnxruntime"], WRITERS, execute)
    side = make("onnxruntime", PrecisionPlan("fp32"), NOTHING, "tensor")
    assert read(side, ["a"])["a"].tolist() == (FEED["x"] * 1000).tolist()
    assert not side.observed


def test_what_would_hide_fp16_is_refused(overflowing: onnx.ModelProto) -> None:
    make = side_maker(overflowing, ["onnxruntime"], WRITERS, execute)
    with pytest.raises(BackendError, match=r"onnxruntime executes bf16, fp16 in FP32 on a CPU.*`runner: emulated`"):
        make("onnxruntime", PrecisionPlan("fp16", {"up": "bf16", "down": "fp32"}), NOTHING, "tensor")


def test_both_tensorrts_are_refused_in_one_process(overflowing: onnx.ModelProto) -> None:
    with pytest.raises(BackendError, match="in a step of its own"):
        side_maker(overflowing, ["tensorrt", "cuda", "tensorrt-rtx"], WRITERS, execute)


def test_what_a_side_is_made_of_is_told_to_each_runner_once(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = install(monkeypatch, FakeEngine())
    make = side_maker(overflowing, ["cuda", "cuda"], WRITERS, execute)
    for low in ("fp16", "bf16"):
        make("cuda", PrecisionPlan(low), NOTHING, "tensor")
    assert engine.started == 1, "the probe, of one executor for both"


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_weakly_typed_engine_is_told_plan_and_ranges_beside_the_fp32_file(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    install(monkeypatch, WeakEngine())
    weak = partial(executor, request=EngineRequest(Path("model.onnx"), settings=EngineSettings(typing="weak")))
    plan = PrecisionPlan("fp16", {"up": precision})
    side = side_maker(overflowing, ["cuda"], WRITERS, weak)("cuda", plan, Ranges({"x": 80.0}), "tensor")
    assert isinstance(side, EngineSide)
    assert (side.model, side.plan) == (overflowing, plan)
    assert {**side.ranges} == ({"x": 80.0} if precision == "int8" else {})

"""Emulation shows what ONNX Runtime's CPU provider hides."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper
from polygraphy.comparator import Comparator

from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.emulated import EmulatedRunner, TypedRunner
from trtflow.runners.reference import ReferenceRunner

FEED = {"x": np.array([[1, 60, 70, -70]], np.float32)}
MIXED = PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})


def outputs(runner: ReferenceRunner) -> list[float]:
    with runner:
        return [float(value) for value in runner(FEED)["y"][0]]


def test_a_real_fp16_graph_on_the_cpu_hides_the_overflow_and_the_emulator_shows_it(
    overflowing: onnx.ModelProto,
) -> None:
    low = rewrite(overflowing, PrecisionPlan("fp16")).model
    assert np.isfinite(outputs(ReferenceRunner(low))).all()
    assert np.isinf(outputs(EmulatedRunner(overflowing, PrecisionPlan("fp16")))).tolist() == [
        False,
        False,
        True,
        True,
    ]
    assert np.isinf(outputs(TypedRunner(low))).tolist() == [False, False, True, True]


def test_the_plan_decides_which_node_overflows(overflowing: onnx.ModelProto) -> None:
    np.testing.assert_allclose(outputs(EmulatedRunner(overflowing, MIXED)), [2, 61, 71, -69], rtol=1e-3)
    alone = PrecisionPlan("fp16", {"up": "fp32"})
    assert np.isinf(outputs(EmulatedRunner(overflowing, alone))).any()


def test_the_rewritten_file_executed_as_typed_gives_the_emulators_numbers(overflowing: onnx.ModelProto) -> None:
    rewritten = rewrite(overflowing, MIXED).model
    assert outputs(TypedRunner(rewritten)) == outputs(EmulatedRunner(overflowing, MIXED))


def test_a_marked_layer_is_strictly_fp16(overflowing: onnx.ModelProto) -> None:
    overflowing.graph.output.append(helper.make_tensor_value_info("b", TensorProto.FLOAT, ["N", 4]))
    with EmulatedRunner(overflowing, MIXED.assign(["down"], "fp16")) as runner:
        marked = runner({"x": np.array([[1.0001, 2.0003, 3.0007, 4.0009]], np.float32)})["b"]
    np.testing.assert_array_equal(marked, marked.astype(np.float16).astype(np.float32))


def test_it_stands_in_polygraphys_comparator(overflowing: onnx.ModelProto) -> None:
    runners = [ReferenceRunner(overflowing), EmulatedRunner(overflowing, MIXED)]
    results = Comparator.run(runners, data_loader=[FEED])
    assert [name for name, _ in results] == ["onnxruntime-fp32", "emulated-fp16"]

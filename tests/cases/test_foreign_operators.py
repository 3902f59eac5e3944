"""A detector whose last node is a plugin: judged at what goes into it, written with it, and nothing behind it low."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto, helper
from selecting import dataset

import trtflow
from trtflow.diagnosis.reasons import REASONS
from trtflow.files.outcomes import Foreign
from trtflow.model.foreign import ending_at, runnable
from trtflow.model.scopes import scopes
from trtflow.model.types import infer
from trtflow.precision import FP16, FP32
from trtflow.tasks.constrain import constrain
from trtflow.tasks.inspect import inspect
from trtflow.tasks.rewrite import rewrite_file

WIDTH = 8
DATA = dataset([np.random.default_rng(seed).normal(size=(1, WIDTH)).astype(np.float32) for seed in range(8)])


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """``up`` leaves FP16's range and ``down`` comes back; the plugin's rows are scaled behind it."""
    rng = np.random.default_rng(1)
    nodes = [
        node("MatMul", "x w", "a", "body"),
        node("Mul", "a loud", "b", "up"),
        node("Mul", "b quiet", "c", "down"),
        node("MatMul", "c v", "boxes", "boxes"),
        node("Sigmoid", "c", "scores", "scores"),
        node("EfficientNMS_TRT", "boxes scores", "number rows", "nms", domain="TRT"),
        node("Mul", "rows half", "found", "pixels"),
    ]
    weights = [f32("w", rng.normal(size=(WIDTH, WIDTH))), f32("v", rng.normal(size=(WIDTH, WIDTH)))]
    weights += [f32("loud", [3e5]), f32("quiet", [1 / 3e5]), f32("half", [0.5])]
    outputs = [info("number", [1, 1], TensorProto.INT32), info("found", [1, 4, 4])]
    net = model(nodes, [info("x", [1, WIDTH])], outputs, weights)
    net.opset_import.append(helper.make_opsetid("TRT", 1))
    net.graph.value_info.append(info("rows", [1, 4, 4]))
    onnx.save(net, tmp_path / "detector.onnx")
    return tmp_path / "detector.onnx"


def test_it_is_named_at_inspect_with_what_becomes_of_it(detector: Path) -> None:
    _, facts = inspect(detector)
    assert facts.foreign == (Foreign(operator="TRT.EfficientNMS_TRT", count=1, runs=False),)
    assert (facts.ends, facts.candidates, facts.nodes, facts.selected) == (("boxes", "scores"), 5, 7, ())


def test_the_written_file_holds_it_in_fp32_and_everything_behind_it(detector: Path, tmp_path: Path) -> None:
    loaded, facts = inspect(detector)
    judged = runnable(loaded.model).model
    decided = trtflow.bisect(judged, DATA)
    assert {name for name, precision in decided.plan.nodes.items() if precision == FP32} == {"up", "down"}
    constraints = constrain(loaded.model, facts, decided, {"sqnr": {"min": 30.0}})
    assert set(constraints.nodes) == {"up", "down", "pixels"}
    behind = constraints.nodes["pixels"]
    assert (behind.precision, behind.because, behind.reason) == (FP32, "forced", "forced")
    assert behind.reason in REASONS
    rewrite_file(loaded.model, constraints, tmp_path / "mixed.onnx")
    mixed = onnx.load(tmp_path / "mixed.onnx")
    types, main = infer(mixed), scopes(mixed)[0]
    plugin = next(one for one in mixed.graph.node if one.op_type == "EfficientNMS_TRT")
    assert [types.of(main, name).elem for name in plugin.input] == [TensorProto.FLOAT] * 2
    assert [one.op_type for one in mixed.graph.node if "rows" in one.input] == ["Mul"]
    assert [value.name for value in mixed.graph.output] == ["number", "found"]
    verdict = trtflow.validate(judged, mixed, DATA)
    assert verdict.accepted
    assert verdict.candidate["sqnr"] == pytest.approx(decided.search.metrics["candidate"]["sqnr"], abs=0.5)


def test_a_mixed_file_that_is_worse_at_the_tensors_that_go_in_is_refused(detector: Path) -> None:
    loaded, _ = inspect(detector)
    judged = runnable(loaded.model).model
    everything_low = trtflow.rewrite(loaded.model, trtflow.PrecisionPlan(FP16)).model
    assert ending_at(everything_low, ["boxes", "scores"]) != everything_low
    assert not trtflow.validate(judged, everything_low, DATA).accepted

"""The emulator proposes, an engine confirms: what differs between them is found, repaired and named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from dict_memo import DictMemo

from trtflow.data import Sample
from trtflow.errors import BackendError
from trtflow.plan import PrecisionPlan
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.oracle import EmulatedOracle, EngineOracle
from trtflow.runners.reference import ReferenceRunner
from trtflow.runners.registry import executor
from trtflow.search.problem import Problem, Unit
from trtflow.search.run import search

SAMPLES = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (1.1, 70.1)]
PROBLEM = Problem(tuple(Unit(index, (name,), 0.3) for index, name in enumerate(("up", "down", "add"))))
ACCEPT = {"sqnr": {"min": 40}}


def faithful(model: onnx.ModelProto) -> ReferenceRunner:
    """An engine that does what the types say."""
    return TypedRunner(model)


def broken_add(model: onnx.ModelProto) -> ReferenceRunner:
    """An engine whose FP16 kernel of Add is wrong: an extra culprit that no emulation can know."""
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    spoiled = onnx.ModelProto.FromString(model.SerializeToString())
    for node in spoiled.graph.node:
        if node.op_type == "Add" and onnx.TensorProto.FLOAT16 in {types.get(name) for name in node.input}:
            node.op_type = "Sub"
    return TypedRunner(spoiled)


def unbuildable(model: onnx.ModelProto) -> ReferenceRunner:
    """A builder that refuses everything."""
    raise BackendError("no implementation")


def oracles(
    model: onnx.ModelProto, execute: Callable[[onnx.ModelProto], ReferenceRunner]
) -> tuple[EmulatedOracle, EngineOracle]:
    evaluator = Evaluator(ReferenceRunner(model), SAMPLES, ACCEPT)
    emulator = EmulatedOracle(model, evaluator, "tensor", DictMemo(), {})
    return emulator, EngineOracle(model, evaluator, execute, DictMemo(), {})


@pytest.mark.parametrize(
    ("execute", "kept", "verdict"),
    [(faithful, {"up", "down"}, "agree"), (broken_add, {"up", "down", "add"}, "engine-stricter")],
)
def test_the_engine_has_the_last_word(
    overflowing: onnx.ModelProto,
    execute: Callable[[onnx.ModelProto], ReferenceRunner],
    kept: set[str],
    verdict: str,
) -> None:
    emulator, engine = oracles(overflowing, execute)
    result = search(PROBLEM, emulator, confirm=engine)
    assert result.accepted
    assert set(result.plan.nodes) == kept
    assert result.confirmation is not None
    assert result.confirmation.verdict == verdict


def test_an_engine_that_agrees_is_built_once_beyond_the_ends(overflowing: onnx.ModelProto) -> None:
    emulator, engine = oracles(overflowing, faithful)
    assert search(PROBLEM, emulator, confirm=engine).builds <= 3


def test_a_plan_that_cannot_be_built_has_failed_and_is_not_bad(overflowing: onnx.ModelProto) -> None:
    _, engine = oracles(overflowing, unbuildable)
    assert engine.evaluate(PrecisionPlan("fp16")).status == "failed"


def test_an_engine_that_is_not_here_is_an_error_that_says_what_to_install() -> None:
    with pytest.raises(BackendError, match="install onnxruntime-gpu"):
        executor("cuda", {})

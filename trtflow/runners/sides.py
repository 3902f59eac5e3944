"""The sides of a comparison that are read inside, each by its runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from onnx import ModelProto

from trtflow.cures import changed
from trtflow.emulation.emulate import Rounding
from trtflow.errors import BackendError
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, INT8, Accumulation
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.engine_side import EngineSide
from trtflow.runners.graph_side import GraphSide
from trtflow.runners.quantized import Ranges, emulate
from trtflow.runners.reference import ReferenceRunner
from trtflow.runners.registry import EMULATED, NO_RANGES, Executor
from trtflow.runners.side import Side

REFERENCE = "onnxruntime"
_ONE_A_PROCESS = frozenset({"tensorrt", "tensorrt-rtx"})


def side_maker(
    model: ModelProto,
    runners: Sequence[str],
    writers: Mapping[str, str],
    execute_on: Callable[[str], Executor],
    log: Callable[[str], None] = lambda _: None,
    accumulation: Accumulation = FP32,
) -> Callable[[str, PrecisionPlan, Ranges, Rounding], Side]:
    """What makes the side of ``model`` on a runner, all of ``runners``, under a plan; ``writers``: tensor that may be
    read → its node.

    ``execute_on`` gives what executes models on an engine. ``log`` is told what no engine has as the plan has it.
    ``accumulation``: what the emulator adds products in FP16 up in.

    Raises:
        BackendError: two runners cannot be in one process.
    """
    if {*runners} >= _ONE_A_PROCESS:
        raise BackendError("tensorrt and tensorrt-rtx cannot be in one process: compare each in a step of its own.")
    executor_of = cache(execute_on)

    def make(runner: str, plan: PrecisionPlan, ranges: Ranges, rounding: Rounding) -> Side:
        if runner == EMULATED:
            return GraphSide(emulate(model, plan, ranges, rounding, accumulation), ReferenceRunner)
        if runner == REFERENCE:
            _require_fp32(plan)
            return GraphSide(model, ReferenceRunner)
        execute = executor_of(runner)
        if execute.typing == "weak":
            told = ranges.activations if INT8 in {plan.default, *plan.nodes.values()} else NO_RANGES
            return EngineSide(changed(model, ranges.cures), execute, writers, plan, told)
        quantized = ranges.quantize(model, plan)
        typed = rewrite(quantized.model, quantized.plan)
        for node, why in {**quantized.skipped, **typed.promoted}.items():
            log(f"{runner}: {node} stays in higher precision than asked: {why}")
        if execute.backend.builds:
            return EngineSide(typed.model, execute, writers)
        return GraphSide(typed.model, execute, observed=True)

    return make


def _require_fp32(plan: PrecisionPlan) -> None:
    low = {plan.default, *plan.nodes.values()} - {FP32}
    if low:
        raise BackendError(
            f"onnxruntime executes {', '.join(sorted(low))} in FP32 on a CPU and so hides what it breaks; expected "
            f"a plan of {FP32} alone. `runner: {EMULATED}` rounds, an engine computes."
        )

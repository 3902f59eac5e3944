"""TensorRT-RTX builds of each model and its rewrites: what it builds in FP32 it must build mixed."""

from __future__ import annotations

import re
from typing import Any

import onnx
import tensorrt_rtx as trt
from conformance_cases import Case
from conformance_checks import PLANS, Stage, half

from trtflow.errors import TrtflowError
from trtflow.model.analysis import candidates
from trtflow.model.load import prepare
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite


class _Log(trt.ILogger):  # type: ignore[misc]
    """Keeps what TensorRT complains about."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: Any, message: str) -> None:
        if severity <= trt.ILogger.ERROR and "CUDA initialization" not in message:
            self.errors.append(message)


def judge_builds(case: Case, stage: Stage, skip: frozenset[str]) -> dict[str, Any]:
    """{"ineligible": why} or {plan: {"build": verdict}}: every rewrite of a model that builds in FP32 must build."""
    stage("prepare")
    try:
        model, _ = prepare(case.model)
    except TrtflowError as error:
        return {"ineligible": f"refused: {error}"}
    if not candidates(model):
        return {"ineligible": "no float computation"}
    stage("fp32 build")
    original = "TensorRT-RTX crashes" if "fp32 build" in skip else build(model)
    if original:
        return {plan: {"build": f"n/a: TensorRT-RTX does not build the original: {original}"} for plan in PLANS}
    plans = {"fp16": PrecisionPlan("fp16"), "bf16": PrecisionPlan("bf16"), "half": half(model, case.name)}
    return {name: {"build": _mixed(name, model, plan, stage, skip)} for name, plan in plans.items()}


def _mixed(name: str, model: onnx.ModelProto, plan: PrecisionPlan, stage: Stage, skip: frozenset[str]) -> str:
    mixed = rewrite(model, plan).model
    stage(f"{name} build")
    refused = "crash or timeout" if f"{name} build" in skip else build(mixed)
    if "Myelin" in refused:  # a valid, correctly typed graph that its compiler gives up on: nothing to cast away
        return "lacks: TensorRT-RTX's compiler (Myelin) fails a check of its own"
    return f"FAILED: TensorRT-RTX: {refused}" if refused else "ok"


def build(model: onnx.ModelProto) -> str:
    """Parse and build strongly typed; "" when that works, else what TensorRT-RTX says (numbers and names cut)."""
    log = _Log()
    builder = trt.Builder(log)
    network = builder.create_network()
    parser = trt.OnnxParser(network, log)
    if not parser.parse(model.SerializeToString()):
        return _kind(parser.get_error(0).desc()) if parser.num_errors else "the parser gives no reason"
    config = builder.create_builder_config()
    for index in range(network.num_inputs):
        if any(size < 0 for size in network.get_input(index).shape):
            config.add_optimization_profile(_profile(builder, network))
            break
    if builder.build_serialized_network(network, config) is not None:
        return ""
    return _kind(log.errors[-1]) if log.errors else "the builder gives no reason"


def knows(operator: str) -> bool:
    """Whether the parser takes ``operator`` at all, in whatever precision."""
    log = _Log()
    return bool(trt.OnnxParser(trt.Builder(log).create_network(), log).supports_operator(operator))


def _profile(builder: Any, network: Any) -> Any:
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        fixed = [max(size, 2) if size < 0 else size for size in tensor.shape]
        if any(size < 0 for size in tensor.shape):
            profile.set_shape(tensor.name, fixed, fixed, fixed)
    return profile


def _kind(text: str) -> str:
    first = text.strip().splitlines()[0] if text.strip() else "no message"
    return re.sub(r"\([^)]*\)|'[^']*'|\d+", "#", first)[:110]

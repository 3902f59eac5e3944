"""What is asked of one model under one plan, and the names of the reasons for which it may not be answered."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime as ort
from conformance_cases import Case
from conformance_reference import run_rounded

from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.errors import TrtflowError
from trtflow.model.analysis import candidates
from trtflow.model.load import prepare
from trtflow.model.numpy_types import in_numpy_types
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.promotion import legalize
from trtflow.rewriting.rewrite import rewrite

PLANS = ("fp16", "bf16", "half")
UNIT = {"fp16": 2.0**-11, "bf16": 2.0**-9, "half": 2.0**-9}
RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}
)

Outcome = dict[str, str]
"""Check → "ok", "n/a: reason" (nothing to compare with), "lacks: reason" (of a runtime), "FAILED: detail"."""
Stage = Callable[[str], None]


def judge(case: Case, stage: Stage, skip: frozenset[str]) -> dict[str, Any]:
    """All checks of ``case``: {"ineligible": reason} or {plan: ``Outcome``}. ``stage`` is told what comes next."""
    stage("prepare")
    try:
        model, _ = prepare(case.model)
    except TrtflowError as error:
        return {"ineligible": f"refused: {error}"}
    found = candidates(model)
    if not found:
        return {"ineligible": "no float computation"}
    original = _baseline(model, case.feed())
    slow = frozenset(f"{plan} reference" for plan in PLANS) if case.kind == "real" else frozenset()
    plans = {"fp16": PrecisionPlan("fp16"), "bf16": PrecisionPlan("bf16"), "half": half(model, case.name)}
    return {
        name: _judge_plan(name, model, plan, case.feed(), original, stage, skip | slow)
        for name, plan in plans.items()
    }


def half(model: onnx.ModelProto, seed: str) -> PrecisionPlan:
    """A plan that keeps a random half of the candidates FP32, the same half every time."""
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    return PrecisionPlan("fp16", {n.name: "fp32" for n in candidates(model) if rng.random() < 0.5})


def _baseline(model: onnx.ModelProto, feed: Mapping[str, Any]) -> Any:
    """What ONNX Runtime makes of the FP32 model: its outputs, or why it makes none."""
    try:
        return run(model, feed)
    except Exception as error:  # ONNX Runtime raises a class per status, all below Exception
        return first_line(error)


def _judge_plan(
    name: str,
    model: onnx.ModelProto,
    plan: PrecisionPlan,
    feed: Mapping[str, Any],
    original: Any,
    stage: Stage,
    skip: frozenset[str],
) -> Outcome:
    stage(f"{name} rewrite")
    try:
        legal = legalize(model, plan)
        mixed = rewrite(model, plan).model
    except TrtflowError as error:
        return {"rewrite": f"FAILED: {error}"}
    outcome: Outcome = {"rewrite": "ok", "check": _checked(model, mixed)}
    stage(f"{name} load")
    outcome["load"] = _loaded(mixed, original) if f"{name} load" not in skip else "lacks: ONNX Runtime crashes"
    stage(f"{name} emulate")
    outcome["typed"] = _typed(model, legal.plan, mixed, feed, original)
    stage(f"{name} reference")
    if f"{name} reference" in skip:
        outcome["reference"] = "n/a: onnx.reference takes minutes"
    else:
        outcome["reference"] = _reference(name, model, legal.plan, feed, original)
    return outcome


def _checked(model: onnx.ModelProto, mixed: onnx.ModelProto) -> str:
    try:
        onnx.checker.check_model(mixed, full_check=True)
        onnx.shape_inference.infer_shapes(mixed, check_type=True, strict_mode=True)
    except Exception as error:
        try:
            onnx.checker.check_model(model, full_check=True)
            onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        except Exception:
            return "n/a: onnx.checker refuses the original as well"
        return f"FAILED: {first_line(error)}"
    return "ok"


def _loaded(mixed: onnx.ModelProto, original: Any) -> str:
    if isinstance(original, str):
        return f"n/a: ONNX Runtime does not run the original: {reason(original)}"
    try:
        session(mixed)
    except Exception as error:
        text = first_line(error)
        missing = re.search(r"find (?:an implementation for|kernel for) (\w+)\(\d+\)", text)
        if missing and ("NOT_IMPLEMENTED" in text):
            return f"lacks: ONNX Runtime has no low-precision kernel of {missing[1]}"
        return f"FAILED: {text}"
    return "ok"


def _typed(
    model: onnx.ModelProto, plan: PrecisionPlan, mixed: onnx.ModelProto, feed: Mapping[str, Any], original: Any
) -> str:
    if isinstance(original, str):
        return f"n/a: ONNX Runtime does not run the original: {reason(original)}"
    if is_random(model):
        return "n/a: random operators"
    try:
        emulated, typed = run(instrument(model, plan), feed), run(emulate_typed(mixed), feed)
    except Exception as error:
        return f"FAILED: {first_line(error)}"
    worst = [difference(a, b) for a, b in zip(emulated, typed, strict=True)]
    return "ok" if not any(worst) else f"FAILED: emulator and rewritten file differ: {max(worst):.3g}"


def _reference(name: str, model: onnx.ModelProto, plan: PrecisionPlan, feed: Mapping[str, Any], original: Any) -> str:
    if isinstance(original, str):
        return f"n/a: ONNX Runtime does not run the original: {reason(original)}"
    if is_random(model):
        return "n/a: random operators"
    exact = PrecisionPlan("fp32")
    try:
        plain = run_rounded(model, exact, feed)
    except Exception as error:
        return f"n/a: onnx.reference does not run the original: {type(error).__name__}"
    if not all(close(a, b, 1e-4) for a, b in zip(original, plain, strict=True)):
        return "n/a: onnx.reference and ONNX Runtime differ on the FP32 original"
    emulated, rounded = run(instrument(model, plan), feed), run_rounded(model, plan, feed)
    if all(close(a, b, 4 * UNIT[name]) for a, b in zip(emulated, rounded, strict=True)):
        return "ok"
    worst = max(difference(a, b) for a, b in zip(emulated, rounded, strict=True))
    return f"FAILED: onnx.reference gives other numbers: {worst:.3g}"


def is_random(model: onnx.ModelProto) -> bool:
    """Whether two runs of ``model`` may differ."""
    training = any(n.op_type == "Dropout" and len(n.input) > 2 and n.input[2] for n in model.graph.node)
    return training or any(node.op_type in RANDOM for node in model.graph.node)


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    """A CPU session at ONNX Runtime's default level."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def as_written(model: onnx.ModelProto) -> ort.InferenceSession:
    """A CPU session without optimisers; what numpy has no type for goes in and out as FP32."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(
        in_numpy_types(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(model: onnx.ModelProto, feed: Mapping[str, Any]) -> list[Any]:
    """The outputs of ``model`` in ONNX Runtime."""
    runner = session(_readable(model))
    known = {value.name for value in runner.get_inputs()}
    given = {name: _ort_value(value) for name, value in feed.items() if name in known}
    outputs: list[Any] = runner.run(None, given)
    return outputs


def _readable(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` with its BF16 outputs cast to FP32: ONNX Runtime has no numpy type for them."""
    readable = onnx.ModelProto()
    readable.CopyFrom(model)
    for value in readable.graph.output:
        if value.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
            name = f"{value.name}__readable"
            readable.graph.node.append(onnx.helper.make_node("Cast", [value.name], [name], to=1))
            value.name, value.type.tensor_type.elem_type = name, onnx.TensorProto.FLOAT
    return readable


def _ort_value(value: Any) -> Any:
    """BF16 arrays are no numpy type: ONNX Runtime takes their bits."""
    if isinstance(value, np.ndarray) and value.dtype == ml_dtypes.bfloat16:
        bits = np.ascontiguousarray(value).view(np.uint16)
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, onnx.TensorProto.BFLOAT16)
    return value


def difference(a: Any, b: Any) -> float:
    """0 for equal values (NaN equals NaN), else the largest distance, or infinity."""
    if isinstance(a, list):
        return max((difference(x, y) for x, y in zip(a, b, strict=True)), default=0.0)
    if a is None or b is None:
        return 0.0 if a is b else np.inf
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return np.inf
    if a.dtype.kind in "OUSb":
        return 0.0 if (a == b).all() else np.inf
    if np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
        return 0.0
    with np.errstate(all="ignore"):
        distance = np.abs(a.astype(np.float64) - b.astype(np.float64))
    return float(np.nanmax(np.where(np.isnan(distance), np.inf, distance)))


def close(a: Any, b: Any, tolerance: float) -> bool:
    """Whether ``a`` and ``b`` agree to ``tolerance`` of their size, and in where they are not finite."""
    if isinstance(a, list):
        return len(a) == len(b) and all(close(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype.kind in "OUSb" or b.dtype.kind in "OUSb":
        return a.shape == b.shape and bool((a == b).all())
    a, b = a.astype(np.float64), b.astype(np.float64)
    scale = np.max(np.abs(a), where=np.isfinite(a), initial=0.0)
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True))


def reason(text: str) -> str:
    """The kind of an ONNX Runtime message, without what differs from model to model."""
    missing = re.search(r"find (?:an implementation for|kernel for) (\w+)\(\d+\)", text)
    if missing:
        return f"no kernel of {missing[1]}"
    if "Numpy" in text:
        return "its Python interface takes no arrays of FLOAT8 and 4-bit types"
    kind = re.search(r"\[ONNXRuntimeError\] : \d+ : (\w+)", text)
    return kind[1] if kind else text[:60]


def first_line(error: BaseException) -> str:
    """The first line of an error, cut to a readable length."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]

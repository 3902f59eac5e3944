"""What is asked of a version against what it can do: a request that it would ignore is an error."""

from __future__ import annotations

from collections.abc import Iterator

from trtflow.errors import BackendError
from trtflow.precision import FP32, ROWS
from trtflow.trt.capabilities import Capabilities, Typing
from trtflow.trt.request import EngineRequest, EngineSettings

IN_THE_FILE = "leave `typing` out: precision is then in the rewritten ONNX"
AS_PAIRS = "the workflow debug-int8 writes Q/DQ pairs into the ONNX instead"


def agreed_typing(settings: EngineSettings, can: Capabilities) -> Typing:
    """How networks are typed under ``settings``, all of which the version can honour.

    Raises:
        BackendError: it cannot; says what was asked, which version is here, and what to do instead.
    """
    typing = settings.typing or can.typing
    _raise(_of_settings(settings, typing, can), can)
    return typing


def check_request(request: EngineRequest, can: Capabilities) -> Typing:
    """How the network of ``request`` is typed, all of which the version can honour.

    Raises:
        BackendError: it cannot; says what was asked, which version is here, and what to do instead.
    """
    typing = agreed_typing(request.settings, can)
    _raise(_of_network(request, typing, can), can)
    return typing


def _raise(unmet: Iterator[tuple[str, str]], can: Capabilities) -> None:
    said = [f"{asked} was asked for, which {can.says} {instead}." for asked, instead in unmet]
    if said:
        raise BackendError(" ".join(said))


def _of_settings(settings: EngineSettings, typing: Typing, can: Capabilities) -> Iterator[tuple[str, str]]:
    if typing == "weak" and not can.weak:
        never = can.flavour == "tensorrt-rtx"
        ended = "never had: take `runner: tensorrt` with" if never else "no longer has: install"
        yield "`typing: weak`", f"{ended} TensorRT up to 10.16 (pip install 'tensorrt<11'), or {IN_THE_FILE}"
    if typing == "strong" and not can.strong:
        yield "`typing: strong`", "does not have yet: install TensorRT 10 or later, or ask for `typing: weak`"
    if settings.strict_nans and not can.strict_nans:
        yield "`strict-nans`", "does not have: install TensorRT 10.6 or later, or leave it out"
    if settings.capture == "debug" and not can.debug:
        yield "`capture: debug`", "does not have: install TensorRT 10 or later, or take `capture: outputs`"
    if settings.capture == "unfused-debug" and not can.unfused_debug:
        instead = "`capture: debug`" if can.debug else "`capture: outputs`"
        yield "`capture: unfused-debug`", f"does not have: install TensorRT 10.12 or later, or take {instead}"
    if settings.calibrator is not None and not can.calibrators:
        yield "`calibrator`", f"does not have: leave it out, {AS_PAIRS}"
    elif settings.calibrator is not None and typing == "strong":
        yield "`calibrator`", f"takes under `typing: weak` only: ask for that, or leave it out, {AS_PAIRS}"


def _of_network(request: EngineRequest, typing: Typing, can: Capabilities) -> Iterator[tuple[str, str]]:
    plan = request.plan
    if plan is not None and typing == "strong":
        yield "a precision plan beside the file", "takes under `typing: weak` only: give the rewritten ONNX"
    elif plan is not None:
        told = {name for name in can.flags if ROWS[name].weakly_typed}
        for name in sorted({plan.default, *plan.nodes.values()} - told - {FP32}):
            takes = "has no flag for" if ROWS[name].weakly_typed else "takes as Q/DQ pairs in the file only"
            yield f"{name} under `typing: weak`", f"{takes}: ask for `typing: strong` on a version that has it"
    if request.ranges and not can.dynamic_ranges:
        yield "setting dynamic ranges", f"does not have: {AS_PAIRS}"
    elif request.ranges and typing == "strong":
        yield "setting dynamic ranges", f"takes under `typing: weak` only: {AS_PAIRS}"
    if request.calibrated and request.calibration is None:
        yield "`calibrator` without samples", "cannot serve: name the samples under `calibration`"

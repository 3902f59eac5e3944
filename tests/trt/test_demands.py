"""What a version cannot honour is an error that names it, the version, and what to do instead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trtflow.errors import BackendError
from trtflow.plan import PrecisionPlan
from trtflow.trt.capabilities import Capabilities, Typing
from trtflow.trt.demands import agreed_typing, check_request
from trtflow.trt.request import EngineRequest, EngineSettings

V8 = Capabilities(
    flavour="tensorrt",
    version="8.6.1",
    strong=False,
    weak=True,
    calibrators=True,
    dynamic_ranges=True,
    debug=False,
    unfused_debug=False,
    progress=False,
    strict_nans=False,
    flags=frozenset({"fp16", "int8", "fp8"}),
)
V10 = replace(V8, version="10.0.1", strong=True, debug=True, progress=True, flags=V8.flags | {"bf16"})
V10_16 = replace(V10, version="10.16.1", unfused_debug=True, strict_nans=True)
V11 = replace(V10_16, version="11.4.0", weak=False, calibrators=False, dynamic_ranges=False, flags=frozenset[Any]())
RTX = replace(V11, flavour="tensorrt-rtx", version="1.7.1", timing_cache=False)
VERSIONS = {"8.6.1": V8, "10.0.1": V10, "10.16.1": V10_16, "11.4.0": V11, "rtx": RTX}
MODEL = Path("m.onnx")
FLOATS, EIGHT = PrecisionPlan("fp16", {"up": "fp32"}), PrecisionPlan("int8", {"up": "fp16"})
FEEDS = Path("calibration")

ALL, NONE = frozenset(VERSIONS), frozenset[str]()
WEAK = frozenset({"8.6.1", "10.0.1", "10.16.1"})
REQUESTS: dict[str, tuple[EngineRequest, frozenset[str]]] = {
    "nothing": (EngineRequest(MODEL), ALL),
    "strong": (EngineRequest(MODEL, settings=EngineSettings(typing="strong")), ALL - {"8.6.1"}),
    "weak": (EngineRequest(MODEL, settings=EngineSettings(typing="weak"), plan=FLOATS), WEAK),
    "strict NaNs": (EngineRequest(MODEL, settings=EngineSettings(strict_nans=True)), ALL - {"8.6.1", "10.0.1"}),
    "debug": (EngineRequest(MODEL, settings=EngineSettings(capture="debug")), ALL - {"8.6.1"}),
    "unfused": (EngineRequest(MODEL, settings=EngineSettings(capture="unfused-debug")), ALL - {"8.6.1", "10.0.1"}),
    "calibrator": (
        EngineRequest(MODEL, settings=EngineSettings("weak", calibrator="entropy2"), plan=EIGHT, calibration=FEEDS),
        WEAK,
    ),
    "calibrator, nothing to calibrate": (
        EngineRequest(MODEL, settings=EngineSettings("weak", calibrator="entropy2"), plan=FLOATS),
        WEAK,
    ),
    "calibrator, no samples": (
        EngineRequest(MODEL, settings=EngineSettings("weak", calibrator="entropy2"), plan=EIGHT),
        NONE,
    ),
    "calibrator, strong": (EngineRequest(MODEL, settings=EngineSettings("strong", calibrator="minmax")), NONE),
    "ranges": (EngineRequest(MODEL, settings=EngineSettings("weak"), plan=EIGHT, ranges={"x": 1.0}), WEAK),
    "ranges, strong": (EngineRequest(MODEL, settings=EngineSettings("strong"), ranges={"x": 1.0}), NONE),
    "plan, strong": (EngineRequest(MODEL, settings=EngineSettings("strong"), plan=FLOATS), NONE),
    "bf16, weak": (
        EngineRequest(MODEL, settings=EngineSettings("weak"), plan=PrecisionPlan("bf16")),
        WEAK - {"8.6.1"},
    ),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("asked", REQUESTS)
def test_who_honours_what(asked: str, version: str) -> None:
    request, honoured = REQUESTS[asked]
    can = VERSIONS[version]
    if version in honoured:
        assert check_request(request, can) == (request.settings.typing or can.typing)
    else:
        with pytest.raises(BackendError, match=f"was asked for, which {can.says} "):
            check_request(request, can)


@pytest.mark.parametrize(
    ("settings", "can", "instead"),
    [
        (EngineSettings("weak"), V11, "no longer has: install TensorRT up to 10.16 (pip install 'tensorrt<11'), or"),
        (EngineSettings("weak"), RTX, "never had: take `runner: tensorrt` with TensorRT up to 10.16"),
        (EngineSettings("strong"), V8, "install TensorRT 10 or later, or ask for `typing: weak`"),
        (EngineSettings(strict_nans=True), V10, "install TensorRT 10.6 or later, or leave it out"),
        (EngineSettings(capture="debug"), V8, "install TensorRT 10 or later, or take `capture: outputs`"),
        (EngineSettings(capture="unfused-debug"), V10, "10.12 or later, or take `capture: debug`"),
        (EngineSettings(capture="unfused-debug"), V8, "10.12 or later, or take `capture: outputs`"),
        (EngineSettings(calibrator="legacy"), V11, "the workflow debug-int8 writes Q/DQ pairs into the ONNX instead"),
        (EngineSettings(calibrator="legacy"), V10, "takes under `typing: weak` only"),
    ],
)
def test_every_error_says_what_to_do_instead(settings: EngineSettings, can: Capabilities, instead: str) -> None:
    with pytest.raises(BackendError) as raised:
        agreed_typing(settings, can)
    assert instead in str(raised.value)


def test_all_that_is_not_honoured_is_told_at_once() -> None:
    with pytest.raises(BackendError) as raised:
        agreed_typing(EngineSettings("weak", strict_nans=True, calibrator="minmax"), replace(V11, strict_nans=False))
    assert [word in str(raised.value) for word in ("`typing: weak`", "`strict-nans`", "`calibrator`")] == [True] * 3


@pytest.mark.parametrize(
    ("can", "name", "said"),
    [(V8, "fp8", "takes as Q/DQ pairs in the file only"), (V8, "bf16", "has no flag for")],
)
def test_what_a_flag_cannot_give_is_told(can: Capabilities, name: Any, said: str) -> None:
    request = EngineRequest(MODEL, settings=EngineSettings("weak"), plan=PrecisionPlan("fp16", {"up": name}))
    with pytest.raises(BackendError, match=f"{name} under `typing: weak` was asked for, which TensorRT 8.6.1 {said}"):
        check_request(request, can)


def test_typing_is_the_versions_own_where_none_is_asked() -> None:
    found: dict[str, Typing] = {name: agreed_typing(EngineSettings(), can) for name, can in VERSIONS.items()}
    assert {name for name, typing in found.items() if typing == "weak"} == {"8.6.1"}

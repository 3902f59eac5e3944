"""What stands beside the file reaches the network in order, or is refused; nothing is passed over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trtflow.errors import BackendError
from trtflow.plan import PrecisionPlan
from trtflow.trt import editing
from trtflow.trt.editing import edit, make_calibrator
from trtflow.trt.request import EngineRequest, EngineSettings

FULL = EngineRequest(Path("m.onnx"), plan=PrecisionPlan("fp16"), ranges={"x": 1.0}, marks=("a",))
INT8 = EngineRequest(Path("m.onnx"), settings=EngineSettings(calibrator="minmax"), plan=PrecisionPlan("int8"))


def test_precisions_come_first_then_ranges_then_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []
    names = ("marks", "plan", "ranges")
    edits = {name: (lambda *given, name=name: done.append((name, *given))) for name in names}
    monkeypatch.setattr(editing, "EDITS", edits)
    edit("network", "module", FULL)
    assert done == [(name, "network", "module", FULL) for name in ("plan", "ranges", "marks")]
    edit("network", "module", EngineRequest(Path("m.onnx")))
    assert len(done) == 3


@pytest.mark.parametrize("lacking", ["plan", "ranges", "marks"])
def test_what_nothing_carries_out_is_refused(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    edits = {name: lambda *given: None for name in ("plan", "ranges", "marks") if name != lacking}
    monkeypatch.setattr(editing, "EDITS", edits)
    with pytest.raises(BackendError, match=f"cannot be told its {lacking} here"):
        edit(None, None, FULL)


def test_a_calibrator_is_made_by_its_name_where_there_is_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "CALIBRATORS", {"minmax": lambda module, request: (module, request)})
    assert make_calibrator("module", INT8) == ("module", INT8)
    assert make_calibrator("module", FULL) is None
    monkeypatch.setattr(editing, "CALIBRATORS", {})
    with pytest.raises(BackendError, match="there is no calibrator 'minmax' here; expected one of none"):
        make_calibrator("module", INT8)

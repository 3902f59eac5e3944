"""Engines are built as the file is typed, and a request that the builder ignores is an error."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import onnx
import pytest

from trtflow.errors import BackendError
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners import build as engines
from trtflow.runners.backend import ShapeRange, shape_ranges
from trtflow.runners.registry import find_backend
from trtflow.runners.tensorrt import build_engine

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
SHAPES = {"x": ShapeRange((1, 4), (1, 4), (2, 4))}


def test_shape_ranges_span_the_samples() -> None:
    feeds = [{"x": (2, 3, 64)}, {"x": (1, 3, 32)}, {"x": (4, 3, 48)}]
    assert shape_ranges(feeds) == {"x": ShapeRange((1, 3, 32), (2, 3, 64), (4, 3, 64))}


def test_without_a_backend_the_reason_and_the_remedy_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    backend, why = find_backend()
    assert backend is None
    assert "tensorrt_rtx is not installed" in why
    assert "pip install 'trtflow[rtx]'" in why


@needs_rtx
def test_a_mixed_model_is_built_with_both_types(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    onnx.save(rewrite(overflowing, PrecisionPlan("fp16", {"up": "fp32"})).model, tmp_path / "m.onnx")
    built = build_engine("tensorrt-rtx", tmp_path / "m.onnx", SHAPES, tmp_path / "m.plan")
    assert built.bytes == (tmp_path / "m.plan").stat().st_size > 0
    assert set(built.tensors) == {"half", "float"}


@needs_rtx
def test_a_file_that_does_not_parse_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(onnx.ModelProto().SerializeToString())
    with pytest.raises(BackendError, match=r"tensorrt-rtx does not build broken\.onnx"):
        build_engine("tensorrt-rtx", tmp_path / "broken.onnx", SHAPES, tmp_path / "m.plan")

"""Engines are built as the file is typed, and a request that the builder ignores is an error."""

from __future__ import annotations

import importlib.util
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from graph_models import info, model, node

from trtflow.errors import BackendError, BuildError
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.trt import building, configuring
from trtflow.trt.building import build, load_plugins
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
SHAPES = {"x": ShapeRange((1, 4), (1, 4), (2, 4))}


class _Tensor:
    def __init__(self, kind: str) -> None:
        self.dtype = SimpleNamespace(name=kind)


class _Layer:
    def __init__(self, *kinds: str) -> None:
        self.num_outputs = len(kinds) + 1  # an optional output that is not there is None
        self._outputs = [*map(_Tensor, kinds), None]

    def get_output(self, index: int) -> _Tensor | None:
        return self._outputs[index]


def test_network_tensors_are_counted_by_type() -> None:
    layers = [_Layer("HALF", "FLOAT"), _Layer("HALF")]
    network = SimpleNamespace(num_layers=2, get_layer=layers.__getitem__)
    assert building._count_types(network) == {"half": 2, "float": 1}


@pytest.mark.parametrize(("tensors", "ignored"), [({"half": 2, "float": 1}, False), ({"float": 3}, True)])
def test_a_request_that_the_network_ignores_is_an_error(
    overflowing: onnx.ModelProto, tmp_path: Path, tensors: dict[str, int], ignored: bool
) -> None:
    onnx.save(rewrite(overflowing, PrecisionPlan("fp16")).model, tmp_path / "m.onnx")
    expected = pytest.raises(BuildError, match="asks for half") if ignored else nullcontext()
    with expected:
        building._require_low_precision(tmp_path / "m.onnx", tensors)


@needs_rtx
def test_a_mixed_model_is_built_with_both_types(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    onnx.save(rewrite(overflowing, PrecisionPlan("fp16", {"up": "fp32"})).model, tmp_path / "m.onnx")
    built = build(EngineRequest(tmp_path / "m.onnx", SHAPES), "tensorrt-rtx", tmp_path / "m.plan")
    assert built.bytes == (tmp_path / "m.plan").stat().st_size > 0
    assert set(built.tensors) == {"half", "float"}


@needs_rtx
def test_a_file_that_does_not_parse_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(onnx.ModelProto().SerializeToString())
    with pytest.raises(BuildError, match=r"tensorrt-rtx does not build broken\.onnx"):
        build(EngineRequest(tmp_path / "broken.onnx", SHAPES), "tensorrt-rtx", tmp_path / "m.plan")


@needs_rtx
def test_what_the_parser_says_of_an_operator_is_told(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    overflowing.graph.node[0].op_type = "Unheard"
    overflowing.graph.node[0].domain = "of"
    overflowing.opset_import.append(onnx.helper.make_opsetid("of", 1))
    onnx.save(overflowing, tmp_path / "m.onnx")
    with pytest.raises(BuildError, match=r"tensorrt-rtx does not build m\.onnx: .*Unheard.*The log has the rest\."):
        build(EngineRequest(tmp_path / "m.onnx", SHAPES), "tensorrt-rtx", tmp_path / "m.plan")


@needs_rtx
def test_an_input_without_dimensions_is_built(tmp_path: Path) -> None:
    scaled = model([node("Mul", "x rate", "y")], [info("x", ["N", 4]), info("rate", [])], [info("y", ["N", 4])])
    onnx.save(scaled, tmp_path / "m.onnx")
    shapes = {**SHAPES, "rate": ShapeRange((), (), ())}
    assert build(EngineRequest(tmp_path / "m.onnx", shapes), "tensorrt-rtx", tmp_path / "m.plan").bytes > 0


@pytest.mark.parametrize("loads", [True, False])
def test_the_users_plugin_libraries_are_loaded_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loads: bool
) -> None:
    asked: list[str] = []

    def load(path: str) -> object:
        asked.append(path)
        return object() if loads else None

    registry = SimpleNamespace(load_library=load)
    module = SimpleNamespace(init_libnvinfer_plugins=lambda *given: True, get_plugin_registry=lambda: registry)
    library = tmp_path / "plugin.so"
    monkeypatch.setattr(building, "plugin_libraries", lambda: (library,))
    expected = nullcontext() if loads else pytest.raises(BuildError, match=r"cannot load .*plugin\.so")
    with expected:
        load_plugins(module, None)
    assert asked == [str(library)]


@needs_rtx
def test_the_settings_reach_the_builder(
    overflowing: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = building.import_module("tensorrt-rtx")
    seen: list[Any] = []
    from polygraphy.backend import trt

    class Noting(trt.EngineBytesFromNetwork):  # type: ignore[misc]
        def __init__(self, network: Any, config: Any) -> None:
            super().__init__(network, config)
            seen.append(config(network[0], network[1]))

    monkeypatch.setattr(trt, "EngineBytesFromNetwork", Noting)
    onnx.save(overflowing, tmp_path / "m.onnx")
    settings = EngineSettings(workspace=1 << 28, level=1, strict_nans=True, timing_cache=tmp_path / "timing.cache")
    steps: list[tuple[int, int | None, str]] = []
    build(
        EngineRequest(tmp_path / "m.onnx", SHAPES, settings),
        "tensorrt-rtx",
        tmp_path / "m.plan",
        lambda done, total, text: steps.append((done, total, text)),
    )
    (config,) = seen
    assert config.get_memory_pool_limit(module.MemoryPoolType.WORKSPACE) == 1 << 28
    assert config.builder_optimization_level == 1
    flags = {flag: config.get_flag(getattr(module.BuilderFlag, flag)) for flag in ("TF32", "STRICT_NANS")}
    assert flags == {"TF32": False, "STRICT_NANS": True}
    assert config.profiling_verbosity == module.ProfilingVerbosity.DETAILED
    assert {path.name for path in tmp_path.iterdir()} == {"m.onnx", "m.plan"}  # RTX keeps no timing cache
    assert steps[0][0] == 0
    assert all(0 <= done <= (total or 0) for done, total, _ in steps)


@needs_rtx
@pytest.mark.parametrize("asked", ["profile", "samples"])
def test_a_profile_of_the_settings_goes_before_the_samples(
    overflowing: onnx.ModelProto, tmp_path: Path, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    sampled = configuring.SampledProfile
    monkeypatch.setattr(configuring, "SampledProfile", lambda shapes: told.append(shapes) or sampled(shapes))
    wide = {"x": ShapeRange((1, 4), (4, 4), (8, 4))}
    onnx.save(overflowing, tmp_path / "m.onnx")
    settings = EngineSettings(profiles=wide if asked == "profile" else {})
    build(EngineRequest(tmp_path / "m.onnx", SHAPES, settings), "tensorrt-rtx", tmp_path / "m.plan")
    assert told == [wide if asked == "profile" else SHAPES]


@needs_rtx
def test_tf32_is_on_only_where_it_is_asked_for(
    overflowing: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from polygraphy.backend import trt

    asked: list[Any] = []
    create = trt.CreateConfig
    monkeypatch.setattr(trt, "CreateConfig", lambda **more: asked.append(more["tf32"]) or create(**more))
    onnx.save(overflowing, tmp_path / "m.onnx")
    for tf32 in (False, True):
        request = EngineRequest(tmp_path / "m.onnx", SHAPES, EngineSettings(tf32=tf32))
        build(request, "tensorrt-rtx", tmp_path / "m.plan")
    assert asked == [False, True]


@needs_rtx
def test_what_the_version_cannot_do_is_refused_before_anything_is_parsed(tmp_path: Path) -> None:
    request = EngineRequest(tmp_path / "missing.onnx", SHAPES, EngineSettings(typing="weak"))
    with pytest.raises(BackendError, match=r"`typing: weak` was asked for, which TensorRT-RTX .* never had"):
        build(request, "tensorrt-rtx", tmp_path / "m.plan")

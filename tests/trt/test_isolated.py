"""A builder in a process of its own: what it says, how it dies and how long it takes are three outcomes."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node

from trtflow.errors import BackendError, BuildCrash, BuildError, BuildTimeout
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.apply import mix
from trtflow.rewriting.rewrite import rewrite
from trtflow.trt.isolated import build
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
SHAPES = {"x": ShapeRange((1, 4), (1, 4), (2, 4))}
SHIM = "from tensorrt_rtx import *\nfrom tensorrt_rtx import __doc__\n__version__ = '11.4.0'\n"
"""TensorRT-RTX under the name of TensorRT, of which it has all but some thirty members."""


@pytest.fixture
def request_of(overflowing: onnx.ModelProto, tmp_path: Path) -> EngineRequest:
    onnx.save(overflowing, tmp_path / "m.onnx")
    return EngineRequest(tmp_path / "m.onnx", SHAPES)


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write the module ``tensorrt`` that the child imports."""

    def write(source: str) -> None:
        folder = tmp_path / "site"
        folder.mkdir()
        (folder / "tensorrt.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(folder)

    return write


@pytest.mark.parametrize(
    ("source", "kind", "said"),
    [
        (
            "import os, signal, sys\nprint('at the tactic', file=sys.stderr)\nos.kill(os.getpid(), signal.SIGSEGV)",
            BuildCrash,
            r"tensorrt building m\.onnx was ended by SIGSEGV; the end of its log: at the tactic$",
        ),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
            BuildCrash,
            "ended by SIGKILL, perhaps because memory ran out; it logged nothing",
        ),
        ("import os\nos._exit(7)", BuildCrash, "ended with exit status 7 before it was done; it logged nothing"),
        ("raise RuntimeError('no libnvinfer')", BuildCrash, "exit status 1 .*RuntimeError: no libnvinfer"),
        ("import time\ntime.sleep(60)", BuildTimeout, r"was ended after 3 s, its `timeout`: raise it, or lower"),
        (
            "import no_such_library",
            BackendError,
            "tensorrt was asked for but cannot be imported: No module named 'no",
        ),
    ],
    ids=["SIGSEGV", "SIGKILL", "exit", "raises", "hangs", "not there"],
)
def test_how_a_builder_ends_is_told(
    request_of: EngineRequest, pretend: Any, source: str, kind: type[BackendError], said: str, tmp_path: Path
) -> None:
    pretend(source)
    started = time.monotonic()
    asked = EngineRequest(request_of.model, SHAPES, EngineSettings(timeout=3 if kind is BuildTimeout else 60))
    with pytest.raises(kind, match=said) as raised:
        build(asked, "tensorrt", tmp_path / "m.plan")
    assert type(raised.value) is kind
    assert time.monotonic() - started < 30
    assert not (tmp_path / "m.plan").exists()


@needs_rtx
def test_a_refusal_is_the_parsers_own_sentence(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    overflowing.graph.node[0].op_type, overflowing.graph.node[0].domain = "Unheard", "of"
    overflowing.opset_import.append(onnx.helper.make_opsetid("of", 1))
    onnx.save(overflowing, tmp_path / "m.onnx")
    with pytest.raises(BuildError, match=r"tensorrt-rtx does not build m\.onnx: .*Unheard.*The log has") as raised:
        build(EngineRequest(tmp_path / "m.onnx", SHAPES), "tensorrt-rtx", tmp_path / "m.plan")
    assert type(raised.value) is BuildError


@needs_rtx
def test_what_the_version_cannot_do_is_no_failure_of_the_model(request_of: EngineRequest, tmp_path: Path) -> None:
    asked = EngineRequest(request_of.model, SHAPES, EngineSettings("weak"), PrecisionPlan("fp16"))
    with pytest.raises(BackendError, match="never had") as raised:
        build(asked, "tensorrt-rtx", tmp_path / "m.plan")
    assert type(raised.value) is BackendError


@needs_rtx
def test_progress_and_the_log_come_out(
    request_of: EngineRequest, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[int, int | None, str]] = []
    built = build(request_of, "tensorrt-rtx", tmp_path / "m.plan", lambda *step: told.append(step))
    assert built.bytes == (tmp_path / "m.plan").stat().st_size
    assert {text for _, _, text in told} == {"Building engine"}
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    found = capfd.readouterr()
    assert "Finished engine building" in found.err
    assert found.out == ""


@needs_rtx
@pytest.mark.skipif(sys.platform != "linux", reason="the wheel is for Linux")
def test_the_strongly_typed_path_of_tensorrt_passes_a_real_parser_and_builder(
    overflowing: onnx.ModelProto, pretend: Any, tmp_path: Path
) -> None:
    pretend(SHIM)
    onnx.save(rewrite(overflowing, PrecisionPlan("fp16", {"up": "fp32"})).model, tmp_path / "m.onnx")
    settings = EngineSettings(workspace=1 << 28, level=2, strict_nans=True)
    built = build(EngineRequest(tmp_path / "m.onnx", SHAPES, settings), "tensorrt", tmp_path / "m.plan")
    assert (built.backend, built.version, built.typing) == ("tensorrt", "11.4.0", "strong")
    assert set(built.tensors) == {"half", "float"}
    assert built.bytes == (tmp_path / "m.plan").stat().st_size > 0


def convolution() -> onnx.ModelProto:
    """Conv, Relu, Conv: what every precision takes."""
    weights = [f32(name, np.full(shape, 0.1)) for name, shape in (("w", (8, 8, 3, 3)), ("v", (8, 8, 1, 1)))]
    nodes = [
        node("Conv", "x w", "a", "first", pads=[1, 1, 1, 1]),
        node("Relu", "a", "b", "relu"),
        node("Conv", "b v", "y", "second"),
    ]
    return model(nodes, [info("x", [1, 8, 16, 16])], [info("y", [1, 8, 16, 16])], weights, opset=19)


MIXED = {
    "fp16": (PrecisionPlan("fp16", {"second": "fp32"}), {"half", "float"}),
    "bf16": (PrecisionPlan("bf16", {"second": "fp32"}), {"bf16", "float"}),
    "int8": (PrecisionPlan("int8", {"second": "fp16"}), {"int8", "half", "float"}),
    "fp8": (PrecisionPlan("fp8", {"second": "fp16"}), {"fp8", "half", "float"}),
}


@needs_rtx
@pytest.mark.parametrize("low", MIXED)
def test_a_mixed_model_of_each_precision_is_built_on_a_cpu(low: str, tmp_path: Path) -> None:
    plan, types = MIXED[low]
    mixed = mix(convolution(), plan, dict.fromkeys("xaby", 4.0)).model
    onnx.save(mixed, tmp_path / "m.onnx")
    built = build(EngineRequest(tmp_path / "m.onnx"), "tensorrt-rtx", tmp_path / "m.plan")
    assert types <= set(built.tensors)
    assert built.bytes > 0


def test_the_child_knows_nothing_of_where_it_was_started(
    request_of: EngineRequest, pretend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend("import os\nos._exit(3)")
    monkeypatch.chdir(tmp_path)
    relative = EngineRequest(Path(os.path.relpath(request_of.model)), SHAPES)
    with pytest.raises(BuildCrash, match="exit status 3"):
        build(relative, "tensorrt", Path("m.plan"))

"""Backends by name: each says what is missing, and starts models where nothing is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from trtflow.errors import BackendError
from trtflow.runners import registry, remedies
from trtflow.runners.backend import Runner
from trtflow.runners.importing import Imported
from trtflow.runners.reference import ReferenceRunner
from trtflow.runners.registry import BACKENDS, BUILDERS, EMULATED, ENGINES, executor, find_backend
from trtflow.steps.bisect import With as BisectOptions
from trtflow.steps.build import With as BuildOptions
from trtflow.steps.compare import With as CompareOptions
from trtflow.steps.contract import Options
from trtflow.steps.validate import With as ValidateOptions
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange

FILE = Path("m.onnx")
FEED = {"x": np.array([[1, 60, 70, -70]], np.float32)}


def test_each_backend_is_listed_by_its_own_name() -> None:
    assert {name: backend.name for name, backend in BACKENDS.items()} == {name: name for name in BACKENDS}
    assert BUILDERS == ("tensorrt", "tensorrt-rtx")
    assert {"cuda", "torch", *BUILDERS} <= {*ENGINES}


@pytest.mark.parametrize(
    ("options", "field", "offered"),
    [
        (BisectOptions, "runner", (EMULATED, *ENGINES)),
        (ValidateOptions, "runner", (EMULATED, *ENGINES)),
        (BuildOptions, "runner", ("auto", *BUILDERS)),
        (CompareOptions, "runner", (*BACKENDS,)),
    ],
)
def test_options_of_steps_offer_the_backends_of_their_kind(
    options: type[Options], field: str, offered: tuple[str, ...]
) -> None:
    assert tuple(options.model_json_schema()["properties"][field]["enum"]) == offered


@pytest.mark.parametrize("name", ["emulated", "onnxruntime"])
def test_what_does_not_compute_in_the_types_of_a_model_is_no_engine(name: str) -> None:
    assert name in BACKENDS
    assert name not in ENGINES


def test_names_are_known_without_loading_what_executes() -> None:
    script = (
        "import sys, trtflow.runners.registry; print({'onnx', 'onnxruntime', 'polygraphy', 'numpy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_a_builder_the_reasons_and_the_remedy_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remedies, "imported", lambda module: Imported(absent=True))
    found, why = find_backend()
    assert found is None
    assert why.startswith("tensorrt is not installed; tensorrt_rtx is not installed; ")
    assert "pip install 'trtflow[rtx]'" in why


class Own:
    """A backend of a stranger's."""

    name, is_engine, builds, facts = "own", True, True, ("onnx",)

    def __init__(self, missing: str = "") -> None:
        self._missing = missing

    def why_not(self) -> str:
        return self._missing

    def why_not_run(self) -> str:
        return self._missing

    def typing(self, settings: EngineSettings) -> Typing:
        return "strong"

    def start(self, model: onnx.ModelProto, request: EngineRequest) -> Runner:
        return ReferenceRunner(model, f"own {request.shapes['x'].high}")


def test_a_strangers_backend_is_a_line(monkeypatch: pytest.MonkeyPatch, overflowing: onnx.ModelProto) -> None:
    monkeypatch.setattr(registry, "BACKENDS", {**BACKENDS, "own": Own()})
    with executor("own", EngineRequest(FILE, {"x": ShapeRange((1, 4), (1, 4), (2, 4))}))(overflowing) as runner:
        assert runner.name == "own (2, 4)"
        assert np.isfinite(runner(FEED)["y"]).all()


def test_the_first_builder_that_is_there_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    backends = {"one": Own("it is not here"), "two": Own(), "three": Own()}
    monkeypatch.setattr(registry, "BACKENDS", backends)
    monkeypatch.setattr(registry, "BUILDERS", tuple(backends))
    assert find_backend() == ("two", "")


def test_a_backend_that_is_not_here_is_an_error_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BACKENDS", {"own": Own("it needs a key")})
    with pytest.raises(BackendError, match="'own' cannot run here: it needs a key"):
        executor("own", EngineRequest(FILE))


@pytest.mark.parametrize(("name", "said"), [("onnxruntime", "is the reference"), ("own", "expected one of onnxrunt")])
def test_what_is_no_judge_of_low_precision_is_refused(name: str, said: str) -> None:
    with pytest.raises(BackendError, match=said):
        executor(name, EngineRequest(FILE))


class Failing(Own):
    """A backend that can be tried, and then fails in a way of its own, at ``at``."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    def start(self, model: onnx.ModelProto, request: EngineRequest) -> Runner:
        return ReferenceRunner(model) if model.graph.name == "probe" else self._fail("starting") or Stopping(self)

    def _fail(self, at: str) -> None:
        if at == self._at:
            raise RuntimeError(f"CUDA error while {at}")


class Stopping:
    """A runner that fails where its backend says."""

    name = "own"

    def __init__(self, backend: Failing) -> None:
        self._fail = backend._fail

    def __enter__(self) -> Stopping:
        self._fail("entering")
        return self

    def __exit__(self, *raised: object) -> None: ...

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        self._fail("running")
        return feed


@pytest.mark.parametrize("at", ["starting", "entering", "running"])
def test_a_backend_that_stops_is_an_error_of_ours(
    at: str, monkeypatch: pytest.MonkeyPatch, overflowing: onnx.ModelProto
) -> None:
    monkeypatch.setattr(registry, "BACKENDS", {"own": Failing(at)})
    execute = executor("own", EngineRequest(FILE))
    with (
        pytest.raises(BackendError, match=f"'own' stopped .*: CUDA error while {at}"),
        execute(overflowing) as runner,
    ):
        runner(FEED)


def test_the_emulator_needs_nothing(overflowing: onnx.ModelProto) -> None:
    with executor("emulated", EngineRequest(FILE))(overflowing) as runner:
        assert np.isfinite(runner(FEED)["y"]).all()

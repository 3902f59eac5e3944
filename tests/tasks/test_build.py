"""An engine is built by whoever is there; without one that is said, unless it was asked for by name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from trtflow.data import Sample
from trtflow.errors import BackendError, BuildCrash, BuildError, BuildTimeout
from trtflow.files.constraints import Constraints, ModelReference, Node
from trtflow.files.outcomes import BuildOutcome
from trtflow.progress import Progress
from trtflow.runners.registry import typing_on
from trtflow.tasks import build as task
from trtflow.tasks.build import build, not_built
from trtflow.tasks.documents import Documents
from trtflow.trt.built import EngineBuild
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange

DATA = [Sample({"x": np.ones((size, 3), np.float32)}) for size in (1, 4, 2)]


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The engines that were asked for; each is seven bytes long."""
    asked: list[tuple[Any, ...]] = []

    def fake(request: EngineRequest, flavour: str, destination: Path, progress: Progress) -> EngineBuild:
        asked.append((flavour, request, destination))
        return EngineBuild(flavour, "1.7", 0.5, 7, {"half": 4}, "strong", {"gpu": "one"}, "no GPU")

    monkeypatch.setattr(task.isolated, "build", fake)
    return asked


@pytest.fixture(autouse=True)
def strong(monkeypatch: pytest.MonkeyPatch) -> None:
    """All backends type engines strongly."""
    monkeypatch.setattr(task, "typing_on", lambda name, settings: settings.typing or "strong")


@pytest.mark.parametrize(
    ("runner", "used"), [("auto", "own"), ("tensorrt", "tensorrt"), ("tensorrt-rtx", "tensorrt-rtx")]
)
def test_the_shapes_of_the_data_bound_the_inputs(
    builds: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: Any, used: str
) -> None:
    monkeypatch.setattr(task, "find_backend", lambda: ("own", ""))
    found = build(tmp_path / "m.onnx", DATA, tmp_path / "engine.plan", runner)
    assert found == BuildOutcome(
        backend=used,
        version="1.7",
        typing="strong",
        bytes=7,
        tensors={"half": 4},
        machine={"gpu": "one"},
        uninspected="no GPU",
    )
    ((flavour, request, destination),) = builds
    assert (flavour, request.model, destination) == (used, tmp_path / "m.onnx", tmp_path / "engine.plan")
    assert request.shapes == {"x": ShapeRange((1, 3), (1, 3), (4, 3))}


def test_without_any_backend_the_reason_stands_in_place_of_the_engine(
    builds: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "find_backend", lambda: (None, "tensorrt is not installed"))
    found = build(tmp_path / "m.onnx", DATA, tmp_path / "engine.plan")
    assert found == BuildOutcome(backend="none", not_built="tensorrt is not installed")
    assert (builds, found.bytes, list(tmp_path.iterdir())) == ([], None, [])


def test_a_backend_that_was_asked_for_by_name_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "typing_on", typing_on)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(BackendError, match=r"tensorrt was asked for but cannot be imported: .*tensorrt"):
        build(tmp_path / "m.onnx", DATA, tmp_path / "engine.plan", "tensorrt")


def test_a_model_that_does_not_build_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*asked: object) -> EngineBuild:
        raise BackendError("tensorrt does not build m.onnx: no kernel")

    monkeypatch.setattr(task.isolated, "build", refuses)
    with pytest.raises(BackendError, match="no kernel"):
        build(tmp_path / "m.onnx", DATA, tmp_path / "engine.plan", "tensorrt")


@pytest.mark.parametrize("broken", [{"mixed.onnx"}, {"mixed.onnx", "model.onnx"}], ids=["rewrite", "both"])
@pytest.mark.parametrize(
    ("kind", "failure"), [(BuildError, "refusal"), (BuildCrash, "crash"), (BuildTimeout, "time-out")]
)
def test_whose_failure_it_is_the_original_tells(
    broken: set[str], kind: type[BuildError], failure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool]] = []

    def refuses(request: EngineRequest, flavour: str, destination: Path, progress: Progress) -> EngineBuild:
        asked.append((request.model.name, request.shapes["x"].high == (4, 3)))
        if request.model.name in broken:
            raise kind(f"{flavour} does not build {request.model.name}: no kernel.")
        destination.write_bytes(b"engine")
        return EngineBuild(flavour, "1.7", 0.5, 6, {})

    def built() -> BuildOutcome:
        mixed, original = tmp_path / "mixed.onnx", tmp_path / "model.onnx"
        return build(mixed, DATA, tmp_path / "engine.plan", "auto", original)

    monkeypatch.setattr(task, "find_backend", lambda: ("tensorrt", ""))
    monkeypatch.setattr(task.isolated, "build", refuses)
    if "model.onnx" in broken:
        said = "the original does not build either: tensorrt does not build model.onnx: no kernel."
        assert built() == BuildOutcome(backend="tensorrt", not_built=said, failure=failure)
    else:
        with pytest.raises(kind, match=r"the rewrite broke it: the original builds.*mixed\.onnx: no kernel"):
            built()
    assert asked == [("mixed.onnx", True), ("model.onnx", True)]
    assert list(tmp_path.iterdir()) == []


def test_a_backend_that_was_asked_for_by_name_must_build_also_what_it_never_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(request: EngineRequest, flavour: str, *more: object) -> EngineBuild:
        raise BuildError(f"{flavour} does not build {request.model.name}: no kernel.")

    monkeypatch.setattr(task.isolated, "build", refuses)
    said = r"the original does not build either: .*model\.onnx: no kernel\. .*required: `runner: auto`"
    with pytest.raises(BuildError, match=said):
        build(tmp_path / "mixed.onnx", DATA, tmp_path / "engine.plan", "tensorrt", tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("outcome", "marks"),
    [
        (None, []),
        (BuildOutcome(backend="tensorrt", version="10.13", bytes=9), []),
        (BuildOutcome(backend="none", not_built="there is no GPU"), ["not built here: there is no GPU"]),
    ],
)
def test_a_verdict_that_no_engine_stands_behind_is_marked(outcome: BuildOutcome | None, marks: list[str]) -> None:
    assert list(not_built(Documents(build=outcome))) == marks


@pytest.mark.parametrize("name", ["tensort", "cuda"])
def test_a_backend_that_builds_no_engines_is_refused_with_those_that_do(name: str, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=f"'{name}' builds no engines; expected auto or one of tensorrt, "):
        build(tmp_path / "m.onnx", [], tmp_path / "m.plan", name)


def weak_decision() -> Constraints:
    nodes = {"up": Node(precision="fp32", op="Mul", reason="R01")}
    return Constraints(model=ModelReference(path="m.onnx", sha256="0"), default="fp16", nodes=nodes)


def test_weakly_typed_the_original_is_built_and_told_the_plan(
    builds: list[tuple[Any, ...]], overflowing: onnx.ModelProto, tmp_path: Path
) -> None:
    original, decided = tmp_path / "original.onnx", weak_decision()
    onnx.save(overflowing, original)
    build(
        tmp_path / "mixed.onnx",
        DATA,
        tmp_path / "engine.plan",
        "tensorrt",
        original,
        constraints=decided,
        trt=EngineSettings("weak"),
    )
    ((_, request, _),) = builds
    assert (request.model.name, request.plan, request.ranges) == ("original.onnx", decided.plan, {})


@pytest.mark.parametrize(
    ("given", "said"), [("original", "no constraints to tell"), ("constraints", "give it as `original`")]
)
def test_weak_typing_needs_the_original_and_the_constraints(
    given: str, said: str, overflowing: onnx.ModelProto, tmp_path: Path
) -> None:
    original = tmp_path / "original.onnx"
    onnx.save(overflowing, original)
    more: dict[str, Any] = {"original": original} if given == "original" else {"constraints": weak_decision()}
    with pytest.raises(BackendError, match=said):
        build(tmp_path / "mixed.onnx", DATA, tmp_path / "m.plan", "tensorrt", trt=EngineSettings("weak"), **more)


def test_constraints_that_do_not_build_are_to_blame_where_the_original_alone_does(
    overflowing: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(request: EngineRequest, flavour: str, destination: Path, progress: Progress) -> EngineBuild:
        if request.plan is not None:
            raise BuildCrash("ended by SIGSEGV")
        return EngineBuild(flavour, "10.0", 0.5, 6, {})

    monkeypatch.setattr(task.isolated, "build", refuses)
    original, trt = tmp_path / "original.onnx", EngineSettings("weak")
    onnx.save(overflowing, original)
    with pytest.raises(BuildCrash, match=r"the constraints broke it: .*`typing: strong`\. ended by SIGSEGV"):
        build(original, DATA, tmp_path / "m.plan", "tensorrt", original, constraints=weak_decision(), trt=trt)

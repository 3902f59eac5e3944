"""What each runner can do here is told truly, and nothing that is broken ends the one who asks."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from trtflow.driver import Device, Driver
from trtflow.files.machine import MachineFacts, RunnerFacts
from trtflow.runners.backend import Backend
from trtflow.runners.importing import Imported
from trtflow.runners.registry import BACKENDS
from trtflow.runners.remedies import Remedy
from trtflow.tasks import doctor as task
from trtflow.trt.capabilities import Capabilities

ABLE = Capabilities("tensorrt", "11.4.0", True, False, False, False, True, True, True, True)


class Engine:
    """A backend that lacks something to build, or to run."""

    name, is_engine, facts = "tensorrt", True, ()

    def __init__(self, builds: bool = True, build: str = "", run: str = "") -> None:
        self.builds, self._build, self._run = builds, build, run

    def typing(self, settings: object) -> str:
        return "strong"

    def why_not(self) -> str:
        return self._build

    def why_not_run(self) -> str:
        return self._run or self._build


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is installed, a sum is computed, and a remedy is known."""
    monkeypatch.setattr(task, "imported", lambda module: Imported(absent=True))
    monkeypatch.setattr(task, "remedy", lambda name: Remedy(f"install {name}", "so it is"))
    _probe(monkeypatch, "")


def _probe(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(task, "PROBE", (sys.executable, "-c", script))


def _told(monkeypatch: pytest.MonkeyPatch, backend: object) -> RunnerFacts:
    monkeypatch.setattr(task, "BACKENDS", {"tensorrt": backend})
    return task.doctor().runners["tensorrt"]


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        (Engine(), RunnerFacts(can="run", note="it computed one FP16 sum")),
        (
            Engine(run="no GPU"),
            RunnerFacts(can="build", why="no GPU", install="install tensorrt", note="so it is"),
        ),
        (
            Engine(build="absent"),
            RunnerFacts(can="nothing", why="absent", install="install tensorrt", note="so it is"),
        ),
        (
            Engine(builds=False, run="no GPU"),
            RunnerFacts(can="nothing", why="no GPU", install="install tensorrt", note="so it is"),
        ),
    ],
)
def test_a_runner_runs_or_builds_or_does_nothing(
    backend: Engine, expected: RunnerFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _told(monkeypatch, backend) == expected


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("import os; os.kill(os.getpid(), 11)", "one FP16 sum on it crashes (SIGSEGV)"),
        ("raise SystemExit('no kernel image')", "one FP16 sum on it fails (no kernel image)"),
    ],
)
@pytest.mark.parametrize(("builds", "can"), [(True, "build"), (False, "nothing")])
def test_a_runner_that_lacks_nothing_is_tried_all_the_same(
    builds: bool, can: str, script: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _probe(monkeypatch, script)
    found = _told(monkeypatch, Engine(builds=builds))
    assert (found.can, found.why) == (can, why)


def test_a_tensorrt_without_weak_typing_says_what_weak_typing_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "imported", lambda module: Imported("11.4.0", capabilities=ABLE))
    assert "`typing: weak` needs 'tensorrt<11'" in _told(monkeypatch, Engine()).note


def test_what_an_installed_tensorrt_offers_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    there: Mapping[str, Imported] = {"tensorrt": Imported("11.4.0", capabilities=ABLE)}
    monkeypatch.setattr(task, "imported", lambda module: there.get(module, Imported(absent=True)))
    found = task.doctor().tensorrt
    assert {*found} == {"tensorrt"}
    offered = found["tensorrt"].model_dump()
    assert offered.pop("version") == "11.4.0"
    assert {name for name, value in offered.items() if value} == {
        "strong_typing",
        "debug_tensors",
        "unfused_debug_tensors",
        "progress_monitor",
        "strict_nans",
    }


def test_every_runner_is_told_and_the_machine_too(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver("13.0", (Device("NVIDIA H100", "9.0", 85_017_493_504),))
    monkeypatch.setattr(task, "ask_driver", lambda: driver)
    monkeypatch.setattr(task, "driver_version", lambda: "580.159.04")
    monkeypatch.setattr(task, "gpu_hint", lambda: "")
    found = task.doctor()
    assert tuple(found.runners) == tuple(BACKENDS)
    assert {name for name, one in found.runners.items() if one.can == "run"} >= {
        "onnxruntime",
        "emulated",
        "polygraphy-script",
    }
    assert (found.cuda, found.driver, found.no_gpu) == ("13.0", "580.159.04", "")
    assert [(gpu.name, gpu.capability, gpu.memory) for gpu in found.gpus] == [("NVIDIA H100", "9.0", 85_017_493_504)]
    assert {"numpy", "tensorrt", "cudnn"} <= {*found.versions}
    assert MachineFacts.model_validate_json(found.model_dump_json(by_alias=True)) == found


def test_doubles_of_this_test_are_what_a_backend_is() -> None:
    needed = {name for name in vars(Backend) if not name.startswith("_")} - {"start"}
    assert needed <= {*dir(Engine())}

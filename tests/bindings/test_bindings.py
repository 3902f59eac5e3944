"""What trtflow makes of TensorRT's real bindings, version by version: calibrators, listeners, monitors, loggers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stub import WHEELS, UnavailableError, bindings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
OLD = ("8.6.1", "10.0.1", "10.16.1")
ALGORITHMS = {
    "entropy2": "ENTROPY_CALIBRATION_2",
    "minmax": "MINMAX_CALIBRATION",
    "entropy": "ENTROPY_CALIBRATION",
    "legacy": "LEGACY_CALIBRATION",
}
IMPLICIT = {"weak", "calibrators", "dynamic_ranges"}
NEWEST = {"strong", "debug", "unfused_debug", "progress", "strict_nans"}
HAS = {
    "8.6.1": IMPLICIT,
    "10.0.1": IMPLICIT | {"strong", "debug", "progress"},
    "10.16.1": IMPLICIT | NEWEST,
    "11.4.0": NEWEST,
}


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config) -> Path:
    """Where bindings are kept from one run to the next."""
    assert pytestconfig.cache
    return pytestconfig.cache.mkdir("bindings")


@pytest.fixture(scope="session", params=WHEELS)
def probed(request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    """What ``probe.py`` found beside the real bindings of a version."""
    try:
        made = bindings(request.param, folder)
    except UnavailableError as error:
        pytest.skip(f"no bindings of TensorRT {request.param}: {error}")
    paths = {"PYTHONPATH": f"{made / 'site'}{os.pathsep}{ROOT}", "LD_LIBRARY_PATH": str(made / "lib")}
    command = [sys.executable, str(Path(__file__).with_name("probe.py"))]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | paths)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["version"] == request.param
    return found


@pytest.fixture
def version(probed: dict[str, Any]) -> str:
    return str(probed["version"])


def test_the_module_says_what_it_can(probed: dict[str, Any], version: str) -> None:
    found = probed["capabilities"]
    assert {name for name in IMPLICIT | NEWEST if found[name]} == HAS[version]
    assert (found["flavour"], found["version"]) == ("tensorrt", version)


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_a_calibrator_is_a_real_one_from_trtflows_samples_to_its_cache(
    probed: dict[str, Any], version: str, kind: str
) -> None:
    found = probed["calibrators"][kind]
    if version not in OLD:
        assert found == {"error": found["error"]}
        assert f"TensorRT {version} takes no calibrators" in found["error"]
        assert "Q/DQ pairs" in found["error"]
        return
    first, second = [[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]
    names = [f"data.npz, sample {index}" for index in range(5)]
    origins = found["calibrated"]
    assert [Path(name).name for name in origins["samples"]] == names[:4]
    assert [Path(name).name for name in origins["left_out"]] == names[4:]
    assert found["addresses"][2] is None
    assert [len(addresses) for addresses in found["addresses"][:2]] == [1, 1]
    assert {name: found[name] for name in ("is_real", "algorithm", "batch", "empty", "copied", "ranges", "kept")} == {
        "is_real": True,
        "algorithm": ALGORITHMS[kind],
        "batch": 2,
        "empty": None,
        "copied": [["x", "float32", first], ["x", "float32", second]],
        "ranges": {"x": pytest.approx(2.0), "h": pytest.approx(127.0)},
        "kept": True,
    }


@pytest.mark.parametrize(
    ("made", "base", "heard"),
    [
        ("listener", "IDebugListener", [["HALF", "float32", [2, 3]], ["BF16", "float32", [2, 3]]]),
        ("monitor", "IProgressMonitor", [[0, 2, "build"], [1, 2, "build"]]),
        ("logger", "ILogger", []),
    ],
)
def test_what_tensorrt_calls_is_a_subclass_of_its_own(
    probed: dict[str, Any], version: str, made: str, base: str, heard: list[Any]
) -> None:
    if version == "8.6.1" and base != "ILogger":
        assert base in probed[made]["error"]
    else:
        assert probed[made] == {"is_real": True, "heard": heard}


def test_the_names_of_types_that_exported_scripts_use_are_there(probed: dict[str, Any]) -> None:
    assert probed["aliases"] == ["float16", "float32", "int8"]

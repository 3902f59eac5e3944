"""A calibration cache that TensorRT would skip, or use for another network, is refused before it does."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trtflow.errors import BackendError, PlanError
from trtflow.files.ranges import read_ranges
from trtflow.trt.caches import ALGORITHMS, check_cache, foreign, is_foreign, write_cache
from trtflow.trt.capabilities import Capabilities
from trtflow.trt.ranges import Coverage
from trtflow.trt.request import Calibrator

AMAX = {f"t{index}": 1.0 + index for index in range(20)}


def able(version: str = "10.16.1.11") -> Capabilities:
    return Capabilities("tensorrt", version, True, True, True, True, True, True, True, True)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    path = tmp_path / "calibration.cache"
    write_cache(path, AMAX, "entropy2", able())
    return path


@pytest.mark.parametrize("kind", get_args(Calibrator))
@pytest.mark.parametrize(("version", "number"), [("8.6.1", "8601"), ("10.0.1", "100001"), ("10.16.1.11", "101601")])
def test_a_cache_is_read_by_the_version_and_calibrator_that_it_was_written_for(
    tmp_path: Path, kind: Calibrator, version: str, number: str
) -> None:
    path = tmp_path / "c"
    write_cache(path, AMAX, kind, able(version))
    assert path.read_text().splitlines()[0] == f"TRT-{number}-{ALGORITHMS[kind]}"
    assert check_cache(path, kind, able(version), list(AMAX)) == Coverage(tuple(AMAX), (), ())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text("abc:/ [].", min_size=1).map(lambda n: f"t{n}t"), st.floats(1e-30, 1e30), min_size=1))
def test_what_is_written_is_read_again_to_the_bits_of_a_scale(tmp_path: Path, ranges: dict[str, float]) -> None:
    path = tmp_path / "c"
    write_cache(path, ranges, "minmax", able())
    found = read_ranges(path).amax
    assert found.keys() == ranges.keys()
    assert all(math.isclose(found[name], ranges[name], rel_tol=1e-6) for name in ranges)


@pytest.mark.parametrize(
    ("kind", "version", "tensors", "says"),
    [
        ("entropy2", "10.13.3", [*AMAX], "says TensorRT 10.16.1, and TensorRT 10.13.3 is installed, which skips it"),
        ("entropy2", "10.16.0", [*AMAX], "says TensorRT 10.16.1"),
        ("minmax", "10.16.1", [*AMAX], "EntropyCalibration2, and 'calibrator: minmax' reads MinMaxCalibration only"),
        ("entropy", "10.16.1", [*AMAX], "reads EntropyCalibration only"),
        (
            "entropy2",
            "10.16.1",
            [*AMAX][2:],
            "2 of its 20 tensors .t0, t1. are not in the network, and it knows 18 of",
        ),
        ("entropy2", "10.16.1", ["other"], "20 of its 20 tensors .* it knows 0 of 1 there"),
        ("entropy2", "10.16.1", [], "20 of its 20 tensors"),
    ],
    ids=["other version", "other patch", "other algorithm", "the older one", "foreign names", "other model", "none"],
)
def test_what_tensorrt_would_skip_or_misuse_is_refused(
    cache: Path, kind: Calibrator, version: str, tensors: list[str], says: str
) -> None:
    with pytest.raises(BackendError, match=rf"{says}.*Remove the file, and it is calibrated anew\."):
        check_cache(cache, kind, able(version), tensors)


def test_tensors_without_a_scale_are_told_and_one_in_twenty_may_be_foreign(cache: Path) -> None:
    found = check_cache(cache, "entropy2", able(), [*[*AMAX][1:], "new"])
    assert found == Coverage(tuple([*AMAX][1:]), ("new",), ("t0",))


@pytest.mark.parametrize(
    "bits", ["00000000", "7f800000", "7fc00000", "bf800000"], ids=["0", "inf", "nan", "negative"]
)
def test_scales_that_ruin_an_engine_are_refused(cache: Path, bits: str) -> None:
    cache.write_text(cache.read_text() + f"dead: {bits}\n")
    with pytest.raises(PlanError, match=r"1 ranges are no positive finite numbers \(dead"):
        check_cache(cache, "entropy2", able(), [*AMAX, "dead"])


def test_ranges_of_another_tool_are_no_cache(tmp_path: Path) -> None:
    path = tmp_path / "ranges.txt"
    path.write_text("t0: 1.5\n")
    with pytest.raises(BackendError, match="it holds dynamic ranges; expected a calibration cache"):
        check_cache(path, "entropy2", able(), ["t0"])


def test_names_that_tensorrt_makes_up_are_nobodys() -> None:
    own = ["(Unnamed Layer* 3) [Shuffle]_output", "ONNXTRT_Broadcast_2", "__myln_k_arg__bb1_2"]
    assert foreign([*own, "a", "b"], {"a"}) == ["b"]
    assert not is_foreign(own, {"a"})

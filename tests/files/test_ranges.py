from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trtflow.errors import PlanError
from trtflow.files.ranges import calibration_cache, dynamic_ranges, match_names, ppq_ranges, read_ranges

RANGES = {"images": 1.0, "/model.0/conv/Conv_output_0": 7.3, "scope/x:0": 0.125}
NAMES = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp", "Zs"), blacklist_characters=":#{"), min_size=1
)


def test_a_calibration_cache_is_written_byte_for_byte_as_tensorrt_does() -> None:
    scale = np.float32(7.3 / 127).view(np.uint32)
    assert calibration_cache(RANGES, version=(10, 3, 0)) == (
        "TRT-100300-EntropyCalibration2\n"
        "images: 3c010204\n"
        f"/model.0/conv/Conv_output_0: {scale:08x}\n"
        "scope/x:0: 3a810204\n"
    )


@pytest.mark.parametrize(
    ("version", "header"), [((8, 6, 1), "TRT-8601-MinMaxCalibration"), ((10, 13, 3), "TRT-101303-MinMaxCalibration")]
)
def test_headers_number_versions_as_the_release_did(
    tmp_path: Path, version: tuple[int, int, int], header: str
) -> None:
    (tmp_path / "cache").write_text(calibration_cache(RANGES, version, "MinMaxCalibration"))
    assert (tmp_path / "cache").read_text().splitlines()[0] == header
    found = read_ranges(tmp_path / "cache")
    assert (found.version, found.algorithm, found.kind) == (version, "MinMaxCalibration", "calibration cache")


@pytest.mark.parametrize("write", [calibration_cache, ppq_ranges, dynamic_ranges])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(ranges=st.dictionaries(NAMES, st.floats(1e-30, 1e30), min_size=1))
def test_what_is_written_is_read_back(
    tmp_path: Path, write: Callable[[Mapping[str, float]], str], ranges: dict[str, float]
) -> None:
    (tmp_path / "file").write_text(write(ranges))
    found = read_ranges(tmp_path / "file").amax
    assert found == pytest.approx(ranges, rel=1e-7)


def test_what_cannot_be_a_range_is_not_written(tmp_path: Path) -> None:
    text = calibration_cache({"dead": 0.0, "broken": float("nan"), "wide": float("inf"), "x": 1.0})
    (tmp_path / "cache").write_text(text)
    assert list(read_ranges(tmp_path / "cache").amax) == ["x"]


def test_dynamic_range_text_cannot_say_names_with_a_colon() -> None:
    assert dynamic_ranges(RANGES).splitlines() == [
        "images: 1.0", "/model.0/conv/Conv_output_0: 7.3", "# scope/x:0: 0.125",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        (json.dumps({"act_quant_info": {"x": 2.5}}), "PPQ ranges", {"x": 2.5}),
        (json.dumps({"x": 2.5, "y": [-3, 1]}), "JSON ranges", {"x": 2.5, "y": 3.0}),
        ("x: 2.5\ny:3\n", "dynamic ranges", {"x": 2.5, "y": 3.0}),
        ("TRT-8601-EntropyCalibration2\nx: 3c010204\n\n", "calibration cache", {"x": pytest.approx(1.0)}),
    ],
)
def test_formats_are_told_apart(tmp_path: Path, text: str, kind: str, expected: dict[str, float]) -> None:
    (tmp_path / "file").write_text(text)
    found = read_ranges(tmp_path / "file")
    assert (found.kind, dict(found.amax)) == (kind, expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TRT-8601\nx: 3c010204", "line 1 is 'TRT-8601'; expected TRT-<version>-<algorithm>"),
        ("TRT-8601-MinMaxCalibration\nx: 3c01", "line 2 is 'x: 3c01'; expected 'tensor: ' and 8 hexadecimal digits"),
        ("TRT-8601-MinMaxCalibration\nx: 00000000", r"1 ranges are no positive finite numbers \(x = 0.0\)"),
        ("TRT-8601-MinMaxCalibration\nx: 7f800000", r"no positive finite numbers \(x = inf\)"),
        ('{"x": "wide"}', r"x is 'wide'; expected its amax, or \[low, high\]"),
        ('{"x": ', "is not JSON"),
        ("hello world", "line 1 is 'hello world'; expected a TensorRT calibration cache"),
    ],
)
def test_a_file_that_is_none_of_them_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(PlanError, match=message):
        read_ranges(tmp_path / "file")


def test_names_match_with_and_without_modelopts_suffix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text('{"a_scale": 1, "b": 2, "gone": 3, "c_scale": 4}')
    tensors = dict.fromkeys(["a", "b", "c_scale", "d"])
    assert match_names(read_ranges(tmp_path / "file"), tensors) == {"a": 1.0, "b": 2.0, "c_scale": 4.0}

"""Files of ranges are told apart, and read whichever tool wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from decisions import decision
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trtflow.errors import PlanError
from trtflow.files.exports import calibration_cache, dynamic_ranges, ppq
from trtflow.files.exports.registry import Export
from trtflow.files.ranges import match_names, read_ranges
from trtflow.files.scales import Origin, Scales, TensorScale, write_scales

NAMES = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp", "Zs"), blacklist_characters=":#{"), min_size=1
)


@pytest.mark.parametrize(("number", "version"), [("8601", (8, 6, 1)), ("101303", (10, 13, 3))])
@pytest.mark.parametrize("algorithm", ["MinMaxCalibration", "EntropyCalibration2"])
def test_a_header_tells_the_version_and_the_algorithm(
    tmp_path: Path, number: str, version: tuple[int, int, int], algorithm: str
) -> None:
    (tmp_path / "cache").write_text(f"TRT-{number}-{algorithm}\nx: 3c010204\n")
    found = read_ranges(tmp_path / "cache")
    assert (found.version, found.algorithm, found.kind) == (version, algorithm, "calibration cache")


@pytest.mark.parametrize("export", [calibration_cache, ppq, dynamic_ranges])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(ranges=st.dictionaries(NAMES, st.floats(1e-30, 1e30), min_size=1))
def test_what_is_written_is_read_back(tmp_path: Path, export: Export, ranges: dict[str, float]) -> None:
    (tmp_path / "file").write_text(export.write(decision(scales=ranges)))
    found = read_ranges(tmp_path / "file").amax
    assert found == pytest.approx(ranges, rel=1e-7)


def test_our_own_scales_are_read_without_dead_tensors(tmp_path: Path) -> None:
    tensors = {"x": TensorScale(amax=1.5, method="mse"), "dead": TensorScale(amax=0.0, method="mse")}
    scales = Scales(method="mse", samples=8, model=Origin(name="m", sha256="0"), tensors=tensors)
    write_scales(scales, tmp_path / "file")
    found = read_ranges(tmp_path / "file")
    assert (found.kind, found.amax, found.scales) == ("trtflow scales", {"x": 1.5}, scales)


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

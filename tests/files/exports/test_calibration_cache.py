"""The calibration cache, byte for byte as TensorRT writes it, for the version that will read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from decisions import calibration_cache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trtflow.files.exports.decision import Version
from trtflow.files.ranges import read_ranges

OLD = st.tuples(st.integers(5, 9), st.integers(0, 9), st.integers(0, 9))
NEW = st.tuples(st.integers(10, 12), st.integers(0, 20), st.integers(0, 9))


def test_it_is_written_byte_for_byte_as_tensorrt_does() -> None:
    step = np.float32(7.3 / 127).view(np.uint32)
    ranges = {"images": 1.0, "/model.0/conv/Conv_output_0": 7.3, "scope/x:0": 0.125}
    assert calibration_cache(ranges, version=(10, 3, 0)) == (
        "TRT-100300-EntropyCalibration2\n"
        "images: 3c010204\n"
        f"/model.0/conv/Conv_output_0: {step:08x}\n"
        "scope/x:0: 3a810204\n"
    )


@pytest.mark.parametrize(
    ("version", "header"), [((8, 6, 1), "TRT-8601-"), ((10, 3, 0), "TRT-100300-"), ((10, 13, 3), "TRT-101303-")]
)
def test_its_header_numbers_versions_as_the_release_did(version: Version, header: str) -> None:
    assert calibration_cache({"x": 1.0}, version).splitlines() == [f"{header}EntropyCalibration2", "x: 3c010204"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(version=OLD | NEW)
def test_the_version_of_a_header_is_read_back(tmp_path: Path, version: Version) -> None:
    (tmp_path / "cache").write_text(calibration_cache({"x": 1.0}, version))
    assert read_ranges(tmp_path / "cache").version == version


def as_modelopt_reads(text: str) -> dict[str, float]:
    """Every line after the first is a name and the bits of a scale: a blank line, or a second ": ", is an error."""
    scales = {}
    for line in text.rstrip("\n").split("\n")[1:]:
        name, bits = line.split(": ")
        scales[name] = float(np.uint32(int(bits, 16)).view(np.float32))
    return scales


@given(st.dictionaries(st.sampled_from(["a", "/b/Conv_output_0", "c:0", "größe"]), st.floats(1e-20, 1e20)))
def test_modelopt_reads_the_step_of_each_tensor(ranges: dict[str, float]) -> None:
    read = as_modelopt_reads(calibration_cache(ranges))
    assert read == {name: float(np.float32(amax / 127)) for name, amax in ranges.items()}

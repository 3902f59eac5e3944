"""INT8 on a weakly typed network, from trtflow's samples to an engine: through Polygraphy, on a double."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
import onnx
import pytest
from doubling import Install

from trtflow.data import Sample
from trtflow.errors import BackendError, BuildError, DataError
from trtflow.files.ranges import read_ranges
from trtflow.trt.caches import ALGORITHMS
from trtflow.trt.calibrators import Batches, make_calibrator
from trtflow.trt.profile import SampledProfile
from trtflow.trt.ranges import Coverage, float_tensors, set_ranges
from trtflow.trt.request import Calibrator
from trtflow.trt.shapes import ShapeRange

OLD = ("8.6.1", "10.0.1", "10.16.1")


def samples(count: int, rows: int = 1) -> list[Sample]:
    rng = np.random.default_rng(0)
    return [Sample({"x": rng.normal(0, 1, (rows, 6))}, None, f"s{index}") for index in range(count)]  # in float64


def build(
    trt: Any,
    model: onnx.ModelProto,
    folder: Path,
    rows: int,
    calibrator: Any = None,
    ranges: Mapping[str, float] = MappingProxyType({}),
) -> tuple[Any, Coverage]:
    """The engine of ``model`` for ``rows`` at a time, INT8 allowed."""
    from polygraphy.backend.trt import CreateConfig, EngineFromNetwork, NetworkFromOnnxPath

    path = folder / "model.onnx"
    onnx.save(model, path)
    builder, network, parser = NetworkFromOnnxPath(str(path))()
    coverage = set_ranges(network, ranges)
    profile = SampledProfile({"x": ShapeRange((1, 6), (rows, 6), (8, 6))})
    config = CreateConfig(int8=True, calibrator=calibrator, profiles=[profile])
    return EngineFromNetwork((builder, network, parser), config)(), coverage


def outputs(engine: Any, feed: dict[str, Any]) -> Any:
    from polygraphy.backend.trt import TrtRunner

    with TrtRunner(engine) as runner:
        return dict(runner.infer(feed))["y"].copy()


@pytest.mark.parametrize("version", OLD)
@pytest.mark.parametrize("kind", get_args(Calibrator))
def test_samples_become_a_cache_that_the_next_build_reads(
    double: Install, products: onnx.ModelProto, tmp_path: Path, version: str, kind: Calibrator
) -> None:
    trt, cache = double(version).trt, tmp_path / "calibration.cache"
    batches = Batches(samples(5), 2)
    build(trt, products, tmp_path, 2, make_calibrator(trt, kind, batches, cache))
    told = batches.calibrated()
    assert (told.samples, told.left_out) == (("s0", "s1", "s2", "s3"), ("s4",))
    found = read_ranges(cache)
    assert found.algorithm == ALGORITHMS[kind]
    assert {*found.amax} == {"x", "h", "r", "y"}
    largest = max(float(np.abs(sample.feed["x"]).max()) for sample in samples(4))
    assert found.amax["x"] == pytest.approx(largest, rel=1e-6)

    again = Batches(samples(5), 2)
    build(trt, products, tmp_path, 2, make_calibrator(trt, kind, again, cache, ["x", "h", "r", "y"]))
    assert again.calibrated().samples == ()


def test_ranges_on_the_network_and_a_cache_of_the_same_give_the_same_engine(
    double: Install, products: onnx.ModelProto, tmp_path: Path
) -> None:
    trt, cache = double("10.16.1").trt, tmp_path / "calibration.cache"
    calibrated, _ = build(trt, products, tmp_path, 1, make_calibrator(trt, "minmax", Batches(samples(4)), cache))
    told, coverage = build(trt, products, tmp_path, 1, ranges=read_ranges(cache).amax)
    feed = {"x": samples(1)[0].feed["x"].astype(np.float32)}
    plain, _ = build(trt, products, tmp_path, 1)
    assert np.array_equal(outputs(calibrated, feed), outputs(told, feed))
    assert not np.array_equal(outputs(plain, feed), outputs(told, feed))
    assert coverage.given == ("x", "h", "r", "y")
    assert coverage.unmatched == ()


def test_what_the_network_has_beyond_the_ranges_is_told(
    double: Install, products: onnx.ModelProto, tmp_path: Path
) -> None:
    _, coverage = build(double("8.6.1").trt, products, tmp_path, 1, ranges={"x": 1.0, "gone": 1.0})
    assert coverage.given == ("x",)
    assert {"h", "r", "y"} <= {*coverage.without}
    assert coverage.unmatched == ("gone",)


def test_samples_of_another_shape_than_the_profiles_are_no_silent_calibration(
    double: Install, products: onnx.ModelProto, tmp_path: Path
) -> None:
    trt, batches = double("10.16.1").trt, Batches(samples(3, rows=2))
    build(trt, products, tmp_path, 1, make_calibrator(trt, "entropy2", batches))
    with pytest.raises(BuildError, match=r"none of 3 samples fits .* \(x \[1, 6\]\)"):
        batches.calibrated()


def test_a_sample_that_fails_is_raised_once_tensorrt_is_done(
    double: Install, products: onnx.ModelProto, tmp_path: Path
) -> None:
    class Failing:
        def __iter__(self) -> Any:
            yield samples(1)[0]
            raise DataError("s1 is gone.")

    trt, batches = double("10.0.1").trt, Batches(Failing())
    build(trt, products, tmp_path, 1, make_calibrator(trt, "entropy2", batches))
    with pytest.raises(BuildError, match="s1 is gone"):
        batches.calibrated()


def test_where_implicit_int8_ended_both_are_refused_before_anything_is_touched(double: Install) -> None:
    with pytest.raises(BackendError, match=r"TensorRT 11\.4\.0 takes no calibrators"):
        make_calibrator(double("11.4.0").trt, "entropy2", Batches([]))


@pytest.mark.parametrize("version", [*OLD, "11.4.0"])
def test_float_tensors_are_those_of_the_model(
    double: Install, products: onnx.ModelProto, tmp_path: Path, version: str
) -> None:
    from polygraphy.backend.trt import NetworkFromOnnxPath

    double(version)
    onnx.save(products, tmp_path / "model.onnx")
    _, network, _ = NetworkFromOnnxPath(str(tmp_path / "model.onnx"), strongly_typed=version == "11.4.0")()
    assert {"x", "h", "r", "y"} <= {tensor.name for tensor in float_tensors(network)}

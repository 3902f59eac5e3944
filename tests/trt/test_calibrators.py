"""Calibrators take trtflow's samples as the network takes them, in their order, and nothing fails unseen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.data import Sample
from trtflow.errors import BackendError, BuildError, DataError
from trtflow.trt.calibrators import Batches, Calibrated, make_calibrator


def samples(*shapes: tuple[int, ...], dtype: Any = np.float32) -> list[Sample]:
    """One sample a shape, filled with its number."""
    return [Sample({"x": np.full(shape, i, dtype)}, None, f"s{i}") for i, shape in enumerate(shapes)]


def metadata(dtype: Any = np.float32, **shapes: tuple[int, ...]) -> Any:
    """What Polygraphy says of the network's inputs."""
    from polygraphy.datatype import DataType

    return {name: SimpleNamespace(shape=shape, dtype=DataType.from_dtype(dtype)) for name, shape in shapes.items()}


def handed(batches: Batches) -> list[np.ndarray[Any, Any]]:
    return [feed["x"] for feed in batches]


@given(st.integers(0, 9), st.integers(1, 4))
def test_samples_are_joined_in_their_order_and_what_fills_no_batch_is_told(count: int, batch: int) -> None:
    batches = Batches(samples(*[(2, 3)] * count), batch)
    found = handed(batches)
    whole = count // batch * batch
    assert [array.shape for array in found] == [(2 * batch, 3)] * (count // batch)
    assert [row for array in found for row in array[::2, 0]] == list(range(whole))
    if whole:
        names = tuple(f"s{index}" for index in range(count))
        assert batches.calibrated() == Calibrated(names[:whole], names[whole:], batch)


def test_samples_are_read_again_from_the_start() -> None:
    batches = Batches(samples((1,), (1,)))
    next(iter(batches))
    assert len(handed(batches)) == 2
    assert batches.calibrated().samples == ("s0", "s1")


@pytest.mark.parametrize(
    ("dtype", "asked", "given_as"),
    [
        (np.float16, None, "float32"),
        (ml_dtypes.bfloat16, None, "float32"),
        (np.float64, np.float32, "float32"),
        (np.int64, np.int32, "int32"),
        (np.int64, None, "int64"),
        (np.bool_, np.bool_, "bool"),
    ],
)
def test_arrays_have_the_types_of_the_network_and_floats_are_fp32(dtype: Any, asked: Any, given_as: str) -> None:
    batches = Batches(samples((2,), dtype=dtype))
    batches.input_metadata = None if asked is None else metadata(asked, x=(2,))
    (found,) = handed(batches)
    assert found.dtype.name == given_as
    assert found.flags.c_contiguous


def test_only_samples_of_the_typical_shape_are_handed_out() -> None:
    batches = Batches(samples((1, 8), (1, 4), (1, 8), (1, 8), (1, 4)), 2)
    batches.input_metadata = metadata(x=(2, 4))
    assert [array.shape for array in handed(batches)] == [(2, 4)]
    assert batches.calibrated() == Calibrated(("s1", "s4"), ("s0", "s2", "s3"), 2)


def test_an_input_that_the_parser_renamed_is_handed_out_under_its_new_name() -> None:
    batches = Batches(samples((3,)))
    batches.input_metadata = metadata(__x=(3,))
    assert [[*feed] for feed in batches] == [["__x"]]


def test_scalars_stay_as_they_are() -> None:
    batches = Batches(samples(()))
    batches.input_metadata = metadata(x=())
    assert [array.shape for array in handed(batches)] == [()]


def test_no_sample_that_fits_is_an_error() -> None:
    batches = Batches(samples((1, 8), (1, 8)))
    batches.input_metadata = metadata(x=(1, 4))
    assert handed(batches) == []
    with pytest.raises(BuildError, match=r"none of 2 samples fits .* shape of the profile \(x \[1, 4\]\)"):
        batches.calibrated()


def test_a_failing_sample_ends_the_calibration_and_is_raised_afterwards() -> None:
    class Failing:
        def __iter__(self) -> Iterator[Sample]:
            yield from samples((1,))
            raise DataError("s1 is missing.")

    batches = Batches(Failing())
    assert len(handed(batches)) == 1
    with pytest.raises(BuildError, match="samples for calibration failed: s1 is missing"):
        batches.calibrated()


def test_an_input_that_no_sample_feeds_is_raised_afterwards() -> None:
    batches = Batches(samples((1,)))
    batches.input_metadata = metadata(x=(1,), mask=(1,))
    assert handed(batches) == []
    with pytest.raises(BuildError, match="takes 'mask', and a sample holds x"):
        batches.calibrated()


def test_a_calibration_that_tensorrt_breaks_off_is_an_error() -> None:
    batches = Batches(samples((1,), (1,), (1,)))
    asked = iter(batches)
    next(asked)
    with pytest.raises(BuildError, match="stopped calibrating after 1 samples"):
        batches.calibrated()


def test_where_a_cache_was_read_no_sample_was() -> None:
    assert Batches(samples((1,)), 4).calibrated() == Calibrated((), (), 4)


def module(version: str, *classes: str) -> Any:
    """A package of TensorRT that has ``classes`` of calibrators."""
    weak = bool(classes)
    return SimpleNamespace(
        __version__=version,
        BuilderFlag=SimpleNamespace(**({"FP16": 0, "INT8": 1} if weak else {})),
        NetworkDefinitionCreationFlag=SimpleNamespace(STRONGLY_TYPED=1),
        ILayer=SimpleNamespace(set_output_type=None),
        ITensor=SimpleNamespace(**({"set_dynamic_range": None} if weak else {})),
        INetworkDefinition=SimpleNamespace(),
        **dict.fromkeys(classes, object),
    )


def test_where_calibrators_ended_the_error_says_what_to_do() -> None:
    with pytest.raises(BackendError, match=r"TensorRT 11\.4\.0 takes no calibrators.*Q/DQ pairs"):
        make_calibrator(module("11.4.0"), "entropy2", Batches([]))


def test_a_calibrator_that_a_version_lacks_is_an_error() -> None:
    with pytest.raises(BackendError, match="has no IInt8LegacyCalibrator; expected another of entropy2, minmax"):
        make_calibrator(module("10.99.0", "IInt8EntropyCalibrator2"), "legacy", Batches([]))


def test_a_cache_is_checked_before_tensorrt_sees_it(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text("TRT-8601-EntropyCalibration2\nx: 3c010a14\n")
    with pytest.raises(BackendError, match=r"says TensorRT 8\.6\.1, and TensorRT 10\.16\.1 is installed"):
        make_calibrator(module("10.16.1", "IInt8EntropyCalibrator2"), "entropy2", Batches([]), path, ["x"])

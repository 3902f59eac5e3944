"""What is kept of outputs comes back to the last bit, whether it stayed in memory or not, and memory stays flat."""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from trtflow.data import Array, Sample
from trtflow.errors import DataError
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16
from trtflow.runners import outputs as kept_outputs
from trtflow.runners.emulated import EmulatedRunner
from trtflow.runners.evaluate import Evaluator, Measurement
from trtflow.runners.outputs import Kept
from trtflow.runners.reference import ReferenceRunner

LIMITS = (0, 100, 10**9)
DTYPES = (np.bool_, np.int8, np.uint64, np.float16, np.float32, np.float64, "<U5")
WORDS = np.array([["a", "bc"], ["", "d"]], object)
TOTAL = 12 << 20
SAMPLES = [Sample({"x": np.full((1, 4), value, np.float32)}, label=value) for value in (1.0, 60.0, 70.0)]

anything = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)


def same(found: Array, expected: Array) -> bool:
    return (found.dtype, found.shape, found.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())


def numbered(count: int, limit: int = 0) -> Kept:
    """Sample i has y = i and z = 10 + i."""
    return Kept(({"y": np.array([i]), "z": np.array(10 + i)} for i in range(count)), limit)


def values(outputs: Sequence[Mapping[str, Array]]) -> list[dict[str, int]]:
    return [{name: int(array.item()) for name, array in output.items()} for output in outputs]


@given(st.lists(st.dictionaries(st.sampled_from("abc"), anything), max_size=5), st.sampled_from(LIMITS))
def test_every_array_comes_back_as_it_was(given_outputs: list[dict[str, Array]], limit: int) -> None:
    found = Kept(given_outputs, limit)
    assert [[*output] for output in found] == [[*output] for output in given_outputs]
    for output, expected in zip(found, given_outputs, strict=True):
        assert all(same(output[name], array) for name, array in expected.items())


@pytest.mark.parametrize("limit", LIMITS)
def test_strings_come_back(limit: int) -> None:
    (output,) = Kept([{"words": WORDS, "y": np.ones(300)}], limit)
    assert output["words"].dtype == object
    assert output["words"].tolist() == WORDS.tolist()


def test_what_is_no_single_block_of_memory_comes_back() -> None:
    (output,) = Kept([{"y": np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)[::2]}], 0)
    np.testing.assert_array_equal(output["y"], np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)[::2])


@pytest.mark.parametrize("limit", LIMITS)
def test_places_slices_and_single_outputs_are_told_apart(limit: int) -> None:
    outputs = numbered(4, limit)
    assert values(outputs) == [{"y": i, "z": 10 + i} for i in range(4)]
    assert values([outputs[-1]]) == [{"y": 3, "z": 13}]
    assert values(outputs[1:3]) == [{"y": 1, "z": 11}, {"y": 2, "z": 12}]
    assert values(outputs.at([2, 0, 2]).without(["z"])) == [{"y": 2}, {"y": 0}, {"y": 2}]
    assert [int(array) for array in outputs.only("z")] == [10, 11, 12, 13]
    assert [int(array) for array in outputs.only("z")[2:]] == [12, 13]
    assert (len(outputs), len(outputs.at([3])), len(outputs.only("y"))) == (4, 1, 4)
    with pytest.raises(IndexError):
        outputs[4]


def test_nothing_is_read_for_an_output_that_is_not_asked_for() -> None:
    outputs = Kept([{"large": np.ones(1 << 20), "small": np.ones(1)}], 0)
    tracemalloc.start()
    assert outputs.only("small")[0] == 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize(("limit", "part"), [(0, 0.2), (TOTAL // 4, 0.45), (TOTAL, 1.1)])
def test_memory_holds_the_limit_and_one_sample(limit: int, part: float) -> None:
    tracemalloc.start()
    outputs = Kept(({"y": np.full(TOTAL // 8 // 12, i, np.float64)} for i in range(12)), limit)
    assert sum(float(output["y"][-1]) for output in outputs) == sum(range(12))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert min(limit, TOTAL) <= peak < part * TOTAL


def test_nothing_lies_in_the_folder_and_the_file_is_closed_with_the_last_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    outputs = numbered(3)
    part = outputs.at([1])
    del outputs
    assert values(part) == [{"y": 1, "z": 11}]
    assert not list(tmp_path.iterdir())
    assert open_below(tmp_path) == 1
    del part
    gc.collect()
    assert open_below(tmp_path) == 0


def open_below(folder: Path) -> int:
    return sum(str(folder) in str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink())


def test_small_outputs_open_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert values(numbered(3, 10**6)) == [{"y": i, "z": 10 + i} for i in range(3)]


def test_a_folder_without_room_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing"
    monkeypatch.setattr(tempfile, "tempdir", str(missing))
    with pytest.raises(DataError, match=f"cannot be written to {missing}: .*Expected room .* set TMPDIR"):
        numbered(3)


def spread(outputs: Sequence[Mapping[str, Any]], labels: Sequence[Any]) -> dict[str, float]:
    """A metric that looks at its samples in both directions, more than once."""
    sums = [float(output["y"].sum()) - label for output, label in zip(outputs, labels, strict=True)]
    return {"spread": sums[-1] - sums[0], "last": float(outputs[-1]["y"].max()), "count": len(outputs)}


ACCEPT = {"sqnr": {"min": 30.0}, "spread": {"drop": 1e9}}


def measured(model: onnx.ModelProto, own: bool) -> list[Measurement]:
    """Of the reference, and of a candidate on all and on some samples."""
    metric, accept = (spread, ACCEPT) if own else (None, {"sqnr": {"min": 30.0}, "cosine": {"min": 0.9}})
    evaluator = Evaluator(ReferenceRunner(model), SAMPLES, accept, metric, model=model)
    runner, part = EmulatedRunner(model, PrecisionPlan(FP16)), evaluator.over([2, 0])
    return [evaluator.reference, evaluator.measure(runner), evaluator.measure(runner, [1, 0]), part.measure(runner)]


@pytest.mark.parametrize("own", [False, True])
def test_figures_do_not_depend_on_where_outputs_lie(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    expected = measured(overflowing, own)
    monkeypatch.setattr(kept_outputs, "LIMIT", 0)
    assert repr(measured(overflowing, own)) == repr(expected)


@pytest.mark.parametrize("own", [False, True])
def test_of_a_candidate_one_sample_is_in_memory_at_a_time(
    overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    monkeypatch.setattr(kept_outputs, "LIMIT", 0)
    evaluator = Evaluator(ReferenceRunner(overflowing), SAMPLES, {"sqnr": {"min": 30.0}}, spread if own else None)
    runner = Counting()
    assert evaluator.measure(runner).metrics["sqnr"] > 100
    assert max(runner.before) <= 1


class Counting:
    """y = x + 1; ``before`` each sample, how many outputs of others there are."""

    name = "counting"

    def __init__(self) -> None:
        self.before: list[int] = []
        self._made: list[weakref.ref[Array]] = []

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        self.before.append(sum(made() is not None for made in self._made))
        array = feed["x"] + 1
        self._made.append(weakref.ref(array))
        return {"y": array}

"""Values on which nothing can be judged are refused, with how many there are and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.data import Port, load_dataset
from trtflow.data_values import check_finite, convert, held, non_finite
from trtflow.errors import DataError

NAN, INF = float("nan"), float("inf")
GOOD = np.ones((1, 4), np.float64)
BAD: dict[str, tuple[list[float], str]] = {
    "NaN": ([NAN, 1, NAN, 1], r"'x' holds 2 NaN of 4 values"),
    "inf": ([1, INF, 1, 1], r"'x' holds 1 infinite of 4 values"),
    "both": ([1, -INF, NAN, 1], r"'x' holds 1 NaN and 1 infinite of 4 values"),
    "beyond float32": ([1, 1, 1e300, 1], r"'x' holds 1e\+300, which float32 cannot hold \(1 of 4 values\)"),
    "no element": ([], r"the sample has no element: 'x' has shape \(1, 0\)"),
}
"""What one sample may hold, and what is said of it."""


def source(folder: Path, kind: str, rows: list[np.ndarray]) -> str:
    """The rows as samples of each kind of source."""
    if kind == "npz":
        np.savez(folder / "eval.npz", x=np.concatenate(rows))
        return str(folder / "eval.npz")
    for index, row in enumerate(rows):
        np.save(folder / f"{index}.npy", row)
    if kind == "folder":
        return str(folder)
    file = folder / "mine.py"
    file.write_text(
        "from pathlib import Path\nimport numpy as np\n"
        "def samples():\n    for file in sorted(Path(__file__).parent.glob('*.npy')):\n"
        "        yield {'x': np.load(file)}\n"
    )
    return f"{file}:samples"


@pytest.mark.parametrize("at", [0, 2])
@pytest.mark.parametrize("kind", ["npz", "folder", "function"])
@pytest.mark.parametrize("bad", BAD)
def test_a_sample_that_nothing_can_be_judged_by_is_named(tmp_path: Path, bad: str, kind: str, at: int) -> None:
    values, said = BAD[bad]
    rows = [GOOD] * 3
    rows[at] = np.array([values])
    if kind == "npz" and not values:
        rows = [np.ones((1, 0))] * 3  # one array has one width
        at = 0
    name = {"npz": "eval.npz", "folder": f"{at}.npy", "function": "mine.py:samples"}[kind]
    data = load_dataset(source(tmp_path, kind, rows), [Port("x", np.dtype(np.float32), (None, None))])
    with pytest.raises(DataError, match=rf"{name}, sample {at}: {said}"):
        list(data)


def test_values_that_are_meant_pass_where_they_are_allowed(tmp_path: Path) -> None:
    path = source(tmp_path, "npz", [np.float32([[0, -INF]])])
    (sample,) = load_dataset(path, [Port("x", np.dtype(np.float32), (None, 2))], allow_nonfinite=True)
    assert sample.feed["x"].tolist() == [[0, -INF]]


def test_nothing_allows_a_value_that_the_type_cannot_hold(tmp_path: Path) -> None:
    path = source(tmp_path, "npz", [np.array([[0, 1e300]])])
    with pytest.raises(DataError, match="float32 cannot hold"):
        list(load_dataset(path, [Port("x", np.dtype(np.float32), (None, 2))], allow_nonfinite=True))


def test_a_cache_that_is_still_empty_may_stand_beside_other_inputs(tmp_path: Path) -> None:
    np.savez(tmp_path / "0.npz", x=np.ones((1, 4), np.float32), past=np.ones((1, 0), np.float32))
    ports = [Port(name, np.dtype(np.float32), (1, None)) for name in ("x", "past")]
    (sample,) = load_dataset(str(tmp_path), ports)
    assert sample.shapes == {"x": (1, 4), "past": (1, 0)}


@pytest.mark.parametrize(
    ("value", "have", "want", "said"),
    [
        (1e300, "float64", "float32", r"1e\+300, which float32"),
        (70000, "int64", "float16", "70000, which float16"),
        (65520.0, "float32", "float16", "65520, which float16"),
        (2**40, "int64", "int32", r"1.09951e\+12, which int32"),
        (300, "uint16", "uint8", "300, which uint8"),
        (1.5, "float32", "int64", "holds float32; the model takes int64"),
    ],
)
def test_a_value_is_never_turned_into_another(value: float, have: str, want: str, said: str) -> None:
    with pytest.raises(DataError, match=f"here holds {said}" if "holds" not in said else said):
        convert(np.array([1, value], have), np.dtype(want), "here")


@given(st.lists(st.integers(-2000, 2000), min_size=1), st.sampled_from(["float16", "float32", "int16", "int64"]))
def test_what_the_type_holds_comes_through_unchanged(values: list[int], want: str) -> None:
    assert convert(np.array(values, np.int64), np.dtype(want), "here").tolist() == values


def test_a_value_without_dimensions_keeps_that_shape() -> None:
    assert convert(np.array(16000), np.dtype(np.int64), "'rate'").shape == ()


@pytest.mark.parametrize("array", [np.arange(3), np.array([True]), np.array(["a"]), np.zeros(0, np.float32)])
def test_what_cannot_be_non_finite_is_finite(array: np.ndarray[Any, Any]) -> None:
    check_finite(array, "here")
    with pytest.raises(DataError, match="here holds 1 NaN of 1 values"):
        check_finite(np.array([NAN]), "here")


@pytest.mark.parametrize(
    ("nan", "inf", "said"),
    [
        (1, 0, "1 NaN of 9,000 values"),
        (0, 2000, "2,000 infinite of 9,000 values"),
        (1, 2, "1 NaN and 2 infinite of 9,000 values"),
    ],
)
def test_counts_are_said_in_words(nan: int, inf: int, said: str) -> None:
    assert non_finite(nan, inf, 9000) == said


BF16 = np.dtype(ml_dtypes.bfloat16)


@pytest.mark.parametrize("foreign", [BF16, *map(np.dtype, (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2))], ids=str)
@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "bool", "itself", "bytes of a file"])
def test_types_that_numpy_lacks_are_held_as_float32(kind: str, foreign: np.dtype[Any], tmp_path: Path) -> None:
    values = np.array([1, 0, 1])
    given = values.astype(foreign if kind in ("itself", "bytes of a file") else kind)
    if kind == "bytes of a file":
        if foreign.kind == "f":
            pytest.skip("numpy reads no file that it wrote of this type")
        np.save(tmp_path / "x.npy", given)
        given = np.load(tmp_path / "x.npy")
        assert given.dtype != foreign
    made = held(convert(given, foreign, "x"))
    assert (made.dtype, made.tolist()) == (np.float32, [1, 0, 1])


def test_what_such_a_type_cannot_hold_is_rounded_or_refused() -> None:
    assert held(convert(np.array([1.001], np.float32), BF16, "x")).tolist() == [1.0]
    with pytest.raises(DataError, match="x holds 1e\\+39, which bfloat16 cannot hold"):
        convert(np.array([1e39]), BF16, "x")


def test_strings_are_objects() -> None:
    made = convert(np.array(["a", "bc"]), np.dtype(object), "x")
    assert (made.dtype, made.tolist()) == (np.dtype(object), ["a", "bc"])


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("dtype", [ml_dtypes.float8_e5m2, object], ids=["E5M2", "objects"])
def test_an_array_that_numpy_does_not_read_is_named(dtype: Any, suffix: str, tmp_path: Path) -> None:
    array = np.ones((1, 4)).astype(dtype)
    path = tmp_path / f"a{suffix}"
    np.save(path, array) if suffix == ".npy" else np.savez(path, x=array)
    where = str(path) if suffix == ".npz" else str(tmp_path)
    with pytest.raises(DataError, match=rf"a\{suffix}.* cannot be read: .*; expected numbers or strings"):
        list(load_dataset(where, [Port("x", (None, 4), np.dtype(np.float32))]))

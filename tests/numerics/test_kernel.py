"""The compiled way gives what the plain one gives, and its absence is no error."""

from __future__ import annotations

import logging
import stat
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from trtflow.numerics import kernel
from trtflow.numerics.exact import reduce_exactly
from trtflow.numerics.kernel import Kernel
from trtflow.numerics.record import TensorStatistics
from trtflow.numerics.statistics import compare

Array = NDArray[Any]
COUNTS = ("differing", "overflowed", "underflowed", "beyond_fp16", "below_normal", "below_subnormal")


@pytest.fixture(scope="module")
def compiled() -> Kernel:
    found = kernel.load()
    if found is None:
        pytest.skip("this machine cannot compile the kernel")
    return found


def flat(found: TensorStatistics) -> dict[str, Any]:
    record = asdict(found)
    spreads = {f"{name}_{key}": record[name][key] for name in ("reference", "candidate") for key in record[name]}
    return spreads | {f"energy_{key}": value for key, value in record["energy"].items()} | record


def assert_same(found: TensorStatistics, expected: TensorStatistics) -> None:
    mine, other = flat(found), flat(expected)
    for name in (*COUNTS, *(f"{x}_{key}" for x in ("reference", "candidate") for key in ("nan", "inf", "zeros"))):
        assert mine[name] == other[name], name
    assert mine["energy_mismatched"] == other["energy_mismatched"]
    for name in ("max_abs", "sum_abs", "max_rel", "sum_rel", "energy_reference", "energy_candidate", "energy_error"):
        assert mine[name] == pytest.approx(other[name], rel=1e-6), name


def bit_patterns(dtype: Any, size: int, seed: int) -> Array:
    """Values of any exponent, NaNs and infinities among them, each as likely as another."""
    width = np.dtype(dtype).itemsize
    return np.random.default_rng(seed).integers(0, 256, size * width, np.uint8).view(dtype)


@pytest.mark.parametrize("size", [1, 7, 8, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_any_bits_of_any_type_and_number_agree(compiled: Kernel, dtype: Any, size: int) -> None:
    r, c = bit_patterns(dtype, size, 1), bit_patterns(dtype, size, 2)
    assert_same(compiled.reduce(r, c, 1), reduce_exactly(r, c, 1))


@pytest.mark.parametrize("step", [1, 3, 5, 1025])
def test_the_same_values_go_into_the_histograms(compiled: Kernel, step: int) -> None:
    r = np.random.default_rng(0).normal(size=40_000).astype(np.float32)
    c = r.astype(np.float16).astype(np.float32)
    c[::997] = np.nan
    ours, theirs = compiled.reduce(r, c, step), reduce_exactly(r, c, step)
    for mine, other in ((ours.magnitudes, theirs.magnitudes), (ours.errors, theirs.errors)):
        assert (mine.bins.tolist(), mine.counts.tolist()) == (other.bins.tolist(), other.counts.tolist())


def test_every_half_is_read_exactly(compiled: Kernel) -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    for values in (halves, halves[:-1], halves[np.isfinite(halves)]):
        with np.errstate(invalid="ignore"):
            found = compiled.reduce(values, values.astype(np.float32), 1)
        assert (found.energy.error, found.energy.mismatched) == (0.0, 0)
        assert found.reference == found.candidate


PLAIN = st.floats(-(2.0**46), 2.0**46, width=32)


@settings(max_examples=30)
@given(data=st.data(), size=st.integers(1, 3000), dtype=st.sampled_from([np.float32, np.float16]))
def test_few_distinct_values_in_any_number_agree(
    compiled: Kernel, data: st.DataObject, size: int, dtype: type
) -> None:
    """Runs of equal values round alike, which is the worst that sums in float32 can meet."""
    few = hnp.arrays(np.float32, 4, elements=st.one_of(PLAIN, st.floats(width=32)))
    with np.errstate(over="ignore"):
        r, c = (np.resize(data.draw(few), size).astype(dtype) for _ in range(2))
    assert_same(compiled.reduce(r, c, 1), reduce_exactly(r, c, 1))


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache folder; what was loaded before is forgotten, before and after."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kernel, "load", kernel.load.__wrapped__)
    return tmp_path


def fake_compiler(folder: Path, script: str) -> None:
    folder.mkdir()
    program = folder / "cc"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "no 'cc'"),
        ("echo unknown option >&2; exit 1", "unknown option"),
        ("exit 0", "No such file"),  # makes nothing
        ('while [ "$1" != -o ]; do shift; done; echo nonsense > "$2"', "too short|invalid|not a"),
    ],
)
def test_without_a_working_compiler_there_is_no_kernel_but_a_word(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, script: str | None, said: str
) -> None:
    monkeypatch.setenv("PATH", f"{fresh}/bin:/usr/bin:/bin" if script else str(fresh))
    if script:
        fake_compiler(fresh / "bin", script)
    with caplog.at_level(logging.WARNING):
        assert kernel.load() is None
    (record,) = caplog.records
    assert any(word in record.getMessage() for word in said.split("|"))


@pytest.mark.usefixtures("compiled")
def test_it_is_compiled_once(fresh: Path) -> None:
    assert kernel.load() is not None
    (library,) = (fresh / "cache" / "trtflow" / "kernels").iterdir()
    made = library.stat().st_mtime_ns
    assert kernel.load() is not None
    assert library.stat().st_mtime_ns == made


def test_subnormal_numbers_survive_loading_the_kernel(compiled: Kernel) -> None:
    """A library linked with -ffast-math flushes them to zero in whatever loads it."""
    assert np.float32(1e-40) * np.float32(0.5) > 0
    assert compare(np.float32([1e-40]), np.float32([1e-40])).reference.high > 0

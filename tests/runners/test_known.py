"""A reference is one where its outputs are finite and not zeros on every sample."""

from __future__ import annotations

import numpy as np
import pytest

from trtflow.data import Sample
from trtflow.errors import DataError
from trtflow.runners.known import Known, spreads

NAN, INF = float("nan"), float("inf")
FIRST, SECOND = Sample({}, origin="eval.npz, sample 4"), Sample({}, origin="eval.npz, sample 5")


def outputs(*values: float, dtype: type = np.float32) -> dict[str, np.ndarray]:
    return {"y": np.array(values, dtype)}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((NAN, 1), "1 NaN of 2 values"),
        ((NAN, NAN), "2 NaN of 2 values"),
        ((-INF, 1), "1 infinite of 2 values"),
        ((NAN, INF, 1), "1 NaN and 1 infinite of 3 values"),
    ],
)
def test_outputs_that_are_not_finite_are_refused_unless_they_are_meant(values: tuple[float, ...], said: str) -> None:
    with pytest.raises(DataError, match=f"eval.npz, sample 4: FP32's own output 'y' holds {said}.*allow-nonfinite"):
        Known().see(FIRST, spreads(outputs(*values)))
    allowed = Known(allow_nonfinite=True)
    allowed.see(FIRST, spreads(outputs(*values)))
    allowed.see(SECOND, spreads(outputs(1)))
    assert allowed.finish() == (() if 1 in values else ("eval.npz, sample 4",))


@pytest.mark.parametrize("values", [(0, 0), (-0.0,), ()])
def test_a_sample_without_a_signal_is_told_and_all_of_them_are_refused(values: tuple[float, ...]) -> None:
    known = Known()
    known.see(FIRST, spreads(outputs(*values)))
    with pytest.raises(DataError, match="sample 4, the only one: FP32's own outputs hold nothing but zeros"):
        known.finish()
    known.see(SECOND, spreads(outputs(*values)))
    with pytest.raises(DataError, match="sample 4 and 1 others, all there are: FP32's own outputs hold nothing"):
        known.finish()
    known.see(Sample({}), spreads(outputs(0, 1e-30)))
    assert known.finish() == ("eval.npz, sample 4", "eval.npz, sample 5")


def test_masked_scores_that_are_nothing_else_are_no_signal() -> None:
    known = Known(allow_nonfinite=True)
    known.see(Sample({}), spreads(outputs(-INF, -INF)))
    with pytest.raises(DataError, match="sample 0, the only one"):
        known.finish()


def test_one_output_that_says_something_is_enough() -> None:
    known = Known()
    known.see(FIRST, spreads({"dead": np.zeros(3, np.float32), "alive": np.ones(3, np.float16)}))
    assert known.finish() == ()


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_, np.str_])
def test_outputs_that_are_no_floats_say_nothing_either_way(dtype: type) -> None:
    known = Known()
    known.see(FIRST, spreads(outputs(0, dtype=dtype)))
    assert known.finish() == ()

"""The verdict on a file names the sample that it treats worst."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from trtflow.data import Sample
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.tasks.validate import validate


def samples(*values: float) -> list[Sample]:
    return [Sample({"x": np.full((1, 4), value, np.float32)}) for value in values]


@pytest.mark.parametrize(("fed", "accepted", "worst"), [((1.0, 70.0, 1.0), False, 1), ((2.0, 1.0003), True, 1)])
def test_the_worst_sample_is_named(
    overflowing: onnx.ModelProto, fed: tuple[float, ...], accepted: bool, worst: int
) -> None:
    verdict = validate(overflowing, rewrite(overflowing, PrecisionPlan("fp16")).model, samples(*fed))
    assert (verdict.accepted, verdict.worst_sample, verdict.silent) == (accepted, worst, ())


def test_no_sample_is_the_worst_of_an_exact_file_and_zeros_are_told(products: onnx.ModelProto) -> None:
    data = [Sample({"x": np.full((1, 6), value, np.float32)}, origin=f"sample {value}") for value in (1, 0)]
    verdict = validate(products, products, data)
    assert (verdict.accepted, verdict.worst_sample, verdict.silent) == (True, None, ("sample 0",))

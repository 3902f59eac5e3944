"""Cures that win change the network and the scales; FP32 stays as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from spread_model import DATA, ROWS, spread_model

from trtflow.calibration.calibrate import Choice
from trtflow.calibration.cure import Cured
from trtflow.data import Dataset, Sample
from trtflow.files.scales import Scales
from trtflow.precision import Quantized
from trtflow.runners.reference import ReferenceRunner
from trtflow.tasks import cure as task
from trtflow.tasks.calibrate import calibrate
from trtflow.tasks.cure import cure
from trtflow.tasks.hooks import Hooks


def calibrated(model: onnx.ModelProto, precision: Quantized = "int8") -> Scales:
    return calibrate(model, DATA, Choice("minmax", precision=precision)).scales


def test_a_channel_that_is_too_wide_is_equalised_and_fp32_computes_the_same() -> None:
    model = spread_model(500.0)
    scales = calibrated(model)
    found = cure(model, DATA, scales)
    assert (found.cures[0].kind, found.cures[0].subject) == ("equalisation", "r")
    assert found.scales.amax["r"] < scales.amax["r"] / 3
    with ReferenceRunner(model) as before, ReferenceRunner(found.model) as after:
        np.testing.assert_array_equal(after({"x": ROWS})["y"], before({"x": ROWS})["y"])


def test_what_the_scales_say_of_themselves_stays() -> None:
    model = spread_model(500.0)
    scales = calibrated(model)
    found = cure(model, DATA, scales).scales
    assert found.model_copy(update={"tensors": scales.tensors}) == scales
    assert found.tensors.keys() == scales.tensors.keys()


def test_cures_are_those_of_the_attempts_that_won_in_order() -> None:
    model = spread_model(500.0)
    found = cure(model, DATA, calibrated(model))
    assert found.cures == tuple(attempt.cure for attempt in found.attempts if attempt.applied)
    assert len(found.attempts) > len(found.cures)


def test_a_network_that_needs_no_cure_keeps_its_weights() -> None:
    model = spread_model(1.0)
    found = cure(model, DATA, calibrated(model))
    assert found.model == model


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_cures_are_measured_in_the_format_of_the_scales(precision: Quantized) -> None:
    model = spread_model(500.0)
    found = cure(model, DATA, calibrated(model, precision))
    assert found.scales.precision == precision
    assert ("equalisation" in {entry.kind for entry in found.cures}) == (precision == "int8")  # FP8 has an exponent


@pytest.mark.parametrize(("samples", "places"), [(1, [0]), (4, [0, 2, 4, 6]), (8, list(range(8)))])
def test_the_samples_that_judge_are_spread_over_the_data(
    monkeypatch: pytest.MonkeyPatch, samples: int, places: list[int]
) -> None:
    judged: list[Sample] = []

    def record(model: onnx.ModelProto, tensors: Any, data: Dataset, chosen: Sequence[Sample], *rest: object) -> Cured:
        judged.extend(chosen)
        return Cured(model, tensors)

    monkeypatch.setattr(task.trials, "cure", record)
    model, rows = spread_model(1.0), list(DATA)
    assert len(rows) == 8
    cure(model, Dataset("rows", lambda: iter(rows)), calibrated(model), samples=samples)
    assert [next(place for place, row in enumerate(rows) if row is one) for one in judged] == places


def test_progress_names_what_is_tried() -> None:
    told: list[str] = []
    model = spread_model(500.0)
    cure(model, DATA, calibrated(model), hooks=Hooks(lambda done, total, text: told.append(text)))
    assert [text for text in told if " of " in text] == ["range of r", "weights of down"]

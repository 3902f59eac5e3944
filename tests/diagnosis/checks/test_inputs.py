"""R17: calibration is fed what inference is fed, or the difference is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from checked import Array, only, pictures, seen
from hypothesis import given
from hypothesis import strategies as st

from trtflow.diagnosis.checks.inputs import DRIFT, RATIO, check_inputs


@pytest.mark.parametrize(
    ("change", "verdict", "message"),
    [
        (lambda x: x, "ok", "calibration inputs are like inference inputs: mean "),
        (lambda x: x * 255, "refuse", "one is 0-255 and the other 0-1; divide by 255 in the calibration data"),
        (lambda x: x / 255, "refuse", "one is 0-255 and the other 0-1; multiply by 255 in the calibration data"),
        (lambda x: x * 20, "refuse", "they are scaled differently"),
        (lambda x: (x - 0.5) / 0.25, "refuse", "one is normalised and the other is not"),
        (lambda x: x[:, ::-1], "refuse", "RGB and BGR are swapped"),
        (lambda x: x.transpose(0, 2, 3, 1), "refuse", "NCHW and NHWC"),
        (lambda x: np.random.default_rng(1).uniform(0, 1, x.shape), "refuse", "calibration runs on noise"),
        (lambda x: 0 * x, "refuse", "calibration inputs are 0 throughout, inference inputs vary"),
    ],
)
def test_preprocessing_is_compared(change: Callable[[Array], Array], verdict: str, message: str) -> None:
    calibration = seen([np.ascontiguousarray(change(batch)) for batch in pictures(1)])
    check = only(check_inputs(calibration, seen(pictures(2))))
    assert (check.code, check.verdict) == ("R17", verdict)
    assert message in check.sentence
    assert set(check.evidence) == {"calibration", "inference"}


def test_other_constants_of_normalisation_are_told_by_the_typical_sample() -> None:
    """By ImageNet's mean and deviation, and by 0.5 and 0.5: alike in range, and both signed."""
    fed = seen([(batch - 0.45) / 0.225 for batch in pictures(1, 40)])
    expected = seen([(batch - 0.5) / 0.5 for batch in pictures(2, 40)])
    check = only(check_inputs(fed, expected))
    assert check.verdict == "warn"
    assert "are they normalised by the same constants?" in check.sentence


def asked(change: Callable[[Array], Array], count: int = 6) -> str:
    """The verdict where calibration is changed so."""
    fed = seen([np.ascontiguousarray(change(image)) for image in pictures(1, count)])
    return only(check_inputs(fed, seen(pictures(1, count)))).verdict


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(RATIO * 0.99, "ok"), (RATIO * 1.01, "refuse"), (0.99 / RATIO, "refuse"), (1.01 / RATIO, "ok")],
)
def test_a_scale_is_another_one_from_four_times_on(factor: float, verdict: str) -> None:
    centred = [image - image.mean() for image in pictures(1, 1)]
    check = only(check_inputs(seen([image * factor for image in centred]), seen(centred)))
    assert check.verdict == verdict


@pytest.mark.parametrize(
    ("fed", "expected", "sentence"),
    [
        (255.0, 1.0, "one is 0-255 and the other 0-1; divide by 255"),
        (1.0, 255.0, "one is 0-255 and the other 0-1; multiply by 255"),
        (500.0, 2.0, "one is divided by 255 and the other is not; divide by 255"),
    ],
)
def test_a_factor_of_255_is_named_with_its_cure(fed: float, expected: float, sentence: str) -> None:
    first, second = (seen([image * factor for image in pictures(1)]) for factor in (fed, expected))
    assert sentence in only(check_inputs(first, second)).sentence


@pytest.mark.parametrize(("low", "verdict"), [(-0.04, "ok"), (-0.3, "refuse")], ids=["a rounding error", "signed"])
def test_one_that_is_signed_is_normalised(low: float, verdict: str) -> None:
    assert asked(lambda image: np.where(image < 0.05, low, image)) == verdict


@pytest.mark.parametrize(("shift", "verdict"), [(0.9, "ok"), (1.1, "refuse")])
def test_means_may_lie_one_standard_deviation_apart(shift: float, verdict: str) -> None:
    (image,) = pictures(1, 1)
    check = only(check_inputs(seen([image + 5 + shift * image.std()]), seen([image + 5])))
    assert check.verdict == verdict


def test_channels_in_reverse_are_told_from_channels_that_differ_otherwise() -> None:
    assert asked(lambda image: image[:, ::-1]) == "refuse"
    assert asked(lambda image: image[:, [0, 2, 1]]) != "refuse"


def test_two_channels_have_no_order_of_colours() -> None:
    assert asked(lambda image: image[:, :2]) != "refuse"


@pytest.mark.parametrize("shape", [(1, 3, 20, 20), (1, 20, 20, 3)], ids=["NCHW", "NHWC"])
def test_the_same_layout_on_both_sides_is_no_matter(shape: tuple[int, ...]) -> None:
    images = [image.transpose(0, 2, 3, 1) if shape[-1] == 3 else image for image in pictures(1)]
    assert only(check_inputs(seen(images), seen(images))).verdict == "ok"


def test_noise_in_place_of_noise_is_no_finding() -> None:
    noise = [np.random.default_rng(seed).random((1, 3, 20, 20)).astype(np.float32) for seed in range(6)]
    assert only(check_inputs(seen(noise), seen(noise))).verdict == "ok"


def test_what_is_constant_on_both_sides_is_no_finding() -> None:
    ones = [np.ones((1, 3, 20, 20), np.float32)] * 6
    assert only(check_inputs(seen(ones), seen(ones))).verdict == "ok"


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(DRIFT * 0.95, "ok"), (DRIFT * 1.2, "warn")],
    ids=["within what samples differ", "beyond it"],
)
def test_a_typical_sample_that_spreads_further_is_a_warning(factor: float, verdict: str) -> None:
    centred = [image - image.mean() for image in pictures(1, 40)]
    check = only(check_inputs(seen([image * factor for image in centred]), seen(centred)))
    assert (check.verdict, "standard deviation of" in check.sentence) == (verdict, verdict == "warn")


@pytest.mark.parametrize(("shift", "verdict"), [(0.05, "ok"), (0.6, "warn")])
def test_a_typical_sample_that_lies_elsewhere_is_a_warning(shift: float, verdict: str) -> None:
    images = pictures(1, 40)
    unit = float(np.mean([image.std() for image in images]))
    check = only(
        check_inputs(seen([image + 3 + shift * unit for image in images]), seen([image + 3 for image in images]))
    )
    assert (check.verdict, "sample has a mean of" in check.sentence) == (verdict, verdict == "warn")


def test_one_sample_says_nothing_of_how_samples_differ() -> None:
    assert only(check_inputs(seen(pictures(1, 1)), seen(pictures(2, 40)))).verdict == "ok"


def test_each_input_has_its_own_answer_with_both_sides_beside_each_other() -> None:
    fed, expected = seen(pictures(1))["x"], seen(pictures(2))["x"]
    wrong = seen([image * 255 for image in pictures(1)])["x"]
    found = list(check_inputs({"good": fed, "bad": wrong}, {"good": expected, "bad": expected}))
    assert [(check.subject, check.verdict) for check in found] == [("good", "ok"), ("bad", "refuse")]
    numbers = found[0].evidence["calibration"]
    assert (numbers["shape"], numbers["samples"], len(numbers["channels"])) == ([1, 3, 20, 20], 6, 3)
    assert numbers["mean"] == pytest.approx(np.mean(pictures(1)), rel=1e-5)


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_two_choices_of_the_same_data_are_never_refused(first: int, second: int) -> None:
    assert only(check_inputs(seen(pictures(first, 8)), seen(pictures(second, 8)))).verdict != "refuse"

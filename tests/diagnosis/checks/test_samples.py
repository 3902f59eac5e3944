"""R18 and R19: enough samples, that differ; tensors that live; ranges that inference stays within."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from checked import Array, only, pictures, seen

from trtflow.diagnosis.checks.samples import Limits, check_classes, check_coverage, check_samples, check_tensors
from trtflow.files.scales import TensorScale
from trtflow.numerics.ranges import merge, observe


def _scale(array: Array, amax: float = 1.0) -> TensorScale:
    found = observe(array)
    broken = {"non-finite": found.nan + found.inf, "nan": found.nan}
    return TensorScale(amax=amax, method="minmax", seen=found.amax, low=found.low, high=found.high, **broken)


def _scales(peaks: list[float]) -> dict[str, TensorScale]:
    found = reduce(merge, (observe(np.float32([peak, -peak / 2])) for peak in peaks))
    return {"t": TensorScale(amax=found.amax, method="minmax", seen=found.amax, growth=found.growth())}


@pytest.mark.parametrize(
    ("count", "peaks", "subject", "verdict", "message"),
    [
        (3, [1.0, 1.0, 1.0], "samples", "refuse", "3 different samples; expected 8 at the very least"),
        (12, [2.0**i for i in range(12)], "samples", "warn", "the ranges are still growing"),
        (12, [1.0] * 12, "samples", "ok", "12 samples are few, but half of the samples would have missed 0.0%"),
        (120, [1.0] * 120, "samples", "ok", "120 different samples"),
    ],
)
def test_samples_are_counted_and_their_growth_told(
    count: int, peaks: list[float], subject: str, verdict: str, message: str
) -> None:
    check = only(check_samples(seen(pictures(1, count)), _scales(peaks)))
    assert (check.subject, check.verdict) == (subject, verdict)
    assert message in check.sentence


def test_where_nothing_was_calibrated_nothing_is_said_of_ranges() -> None:
    check = only(check_samples(seen(pictures(1, 12)), {}))
    assert (check.verdict, check.sentence) == ("ok", "12 different samples")
    assert [*check_tensors({}), *check_coverage({}, {})] == []


def test_copies_do_not_count_as_samples() -> None:
    check = only(check_samples(seen(pictures(1, 3) * 50), _scales([1.0] * 150)))
    assert (check.verdict, check.evidence["distinct"]) == ("refuse", 3)


def test_tensors_that_are_dead_constant_or_not_finite_are_named() -> None:
    scales = {
        "dead": _scale(np.zeros(4, np.float32)),
        "constant": _scale(np.full(4, 3, np.float32)),
        "broken": _scale(np.float32([1, np.nan, np.inf])),
        "a range was given": _scale(np.float32([1, 2, -np.inf])),
        "masked": _scale(np.float32([1, 2, -np.inf]), amax=0.0),
        "fine": _scale(np.float32([1, 2])),
    }
    found = {check.subject: (check.verdict, check.evidence["tensors"]) for check in check_tensors(scales)}
    assert found == {
        "non-finite": ("refuse", {"broken": 2, "a range was given": 1}),
        "infinite": ("warn", {"masked": 1}),
        "dead": ("warn", ["dead"]),
        "constant": ("warn", ["constant"]),
    }


CLASSES = {
    "all": ([0, 1, 2], [0, 1, 2], "ok", []),
    "more in calibration": ([0, 1, 2, 3], [0], "ok", []),
    "one missing": ([0, 1], [0, 1, 2], "warn", [2]),
    "words": (["cat"], ["cat", "dog", "ant"], "warn", ["ant", "dog"]),
}


@pytest.mark.parametrize(("calibration", "inference", "verdict", "missing"), CLASSES.values(), ids=CLASSES)
def test_classes_without_a_sample_are_named(
    calibration: list[object], inference: list[object], verdict: str, missing: list[object]
) -> None:
    check = only(check_classes(calibration, inference))
    assert (check.code, check.subject, check.verdict) == ("R18", "classes", verdict)
    assert check.evidence["missing"] == missing


@pytest.mark.parametrize(("amax", "verdict"), [(2.0, "ok"), (1.0, "refuse")])
def test_tensors_that_reach_further_in_inference_are_named(amax: float, verdict: str) -> None:
    assert only(check_coverage(_scales([amax]), {"t": observe(np.float32([2, -1]))})).verdict == verdict


@pytest.mark.parametrize(
    ("limits", "verdict"), [(Limits(), "warn"), (Limits(few=13), "refuse"), (Limits(enough=12, growing=0.9), "ok")]
)
def test_the_lines_between_verdicts_can_be_drawn_elsewhere(limits: Limits, verdict: str) -> None:
    scales = _scales([2.0**i for i in range(12)])
    assert only(check_samples(seen(pictures(1, 12)), scales, limits)).verdict == verdict


@pytest.mark.parametrize(("few", "verdict"), [(7, "refuse"), (8, "ok")])
def test_eight_different_samples_are_the_least(few: int, verdict: str) -> None:
    check = only(check_samples(seen(pictures(1, few)), _scales([1.0] * few)))
    assert (check.verdict, check.evidence["distinct"]) == (verdict, few)


@pytest.mark.parametrize(("copies", "warned"), [(1, False), (2, True)], ids=["a tenth", "more than a tenth"])
def test_copies_are_a_warning_from_a_tenth_on(copies: int, warned: bool) -> None:
    images = pictures(1, 10 - copies)
    checks = list(check_samples(seen([*images, *images[:copies]]), _scales([1.0] * 10)))
    assert ("duplicates" in {check.subject for check in checks}) is warned
    assert checks[-1].subject == "samples"


@pytest.mark.parametrize(("growth", "verdict"), [(0.049, "ok"), (0.051, "warn")])
def test_ranges_that_half_of_the_samples_reach_to_a_twentieth_do_not_grow(growth: float, verdict: str) -> None:
    scales = {name: TensorScale(amax=1.0, method="minmax", seen=1.0, growth=growth) for name in "abc"}
    scales["dead"] = TensorScale(amax=0.0, method="minmax", seen=0.0, growth=1.0)  # says nothing
    assert only(check_samples(seen(pictures(1, 12)), scales)).verdict == verdict


def test_the_typical_tensor_decides_whether_ranges_grow() -> None:
    growths = (0.0, 0.0, 1.0)
    scales = {str(i): TensorScale(amax=1.0, method="minmax", seen=1.0, growth=g) for i, g in enumerate(growths)}
    assert only(check_samples(seen(pictures(1, 12)), scales)).verdict == "ok"


def test_the_input_with_the_most_samples_counts() -> None:
    both = {"x": seen(pictures(1, 9))["x"], "constant": seen([np.ones((1, 2), np.float32)])["x"]}
    assert only(check_samples(both, _scales([1.0]))).evidence["samples"] == 9


def test_whole_tensors_are_said_to_be() -> None:
    check = only(check_tensors({"a": _scale(np.float32([1, 2])), "b": _scale(np.float32([-1, 0]))}))
    assert (check.verdict, check.sentence) == ("ok", "all 2 tensors are finite and vary")


def test_a_tensor_that_is_not_finite_is_not_called_dead_as_well() -> None:
    check = only(check_tensors({"broken": _scale(np.float32([np.nan, np.nan])), "fine": _scale(np.float32([1, 2]))}))
    assert (check.subject, check.verdict) == ("non-finite", "refuse")


REACH = {
    "as far": ([1.0, 1.0], "ok", 1.0),
    "to the line": ([1.25, 1.0], "ok", 1.0),
    "one of two beyond it": ([1.26, 1.0], "warn", 0.5),
    "two of two": ([1.26, 9.0], "refuse", 0.0),
}


@pytest.mark.parametrize(("amax", "verdict", "covered"), REACH.values(), ids=REACH)
def test_coverage_is_refused_where_most_tensors_reach_further(
    amax: list[float], verdict: str, covered: float
) -> None:
    scales = {str(i): TensorScale(amax=1.0, method="minmax", seen=1.0) for i in range(len(amax))}
    check = only(check_coverage(scales, {str(i): observe(np.float32([value])) for i, value in enumerate(amax)}))
    assert (check.code, check.verdict, check.evidence["covered"]) == ("R19", verdict, covered)


def test_coverage_names_the_tensor_that_reaches_furthest_and_leaves_out_dead_ones() -> None:
    scales = {
        name: TensorScale(amax=1.0, method="minmax", seen=one) for name, one in (("a", 1.0), ("b", 1.0), ("c", 0.0))
    }
    reached = {name: observe(np.float32([value])) for name, value in (("a", 2.0), ("b", 6.0), ("c", 3.0))}
    check = only(check_coverage(scales, reached))
    assert check.sentence.startswith(
        "2 of 2 tensors reach beyond the calibration samples in inference, b by 6.0 times"
    )
    assert list(check.evidence["beyond"]) == ["b", "a"]

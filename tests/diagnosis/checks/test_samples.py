from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest

from trtflow.diagnosis.checks.caches import check_cache, check_origin
from trtflow.diagnosis.checks.inputs import check_inputs
from trtflow.diagnosis.checks.samples import Limits, check_classes, check_coverage, check_samples, check_tensors
from trtflow.files.checks import Check
from trtflow.files.exports.calibration_cache import ALGORITHM
from trtflow.files.ranges import RangesFile
from trtflow.files.scales import Origin, Scales, TensorScale
from trtflow.numerics.inputs import InputStatistics, describe, join
from trtflow.numerics.ranges import merge, observe

Array = np.ndarray[Any, Any]


def _pictures(seed: int, count: int = 6) -> list[Array]:
    """Smooth random pictures in 0-1 whose red, green and blue differ, as NCHW batches of one."""
    random = np.random.default_rng(seed)
    waves = random.normal(0, 0.1, (count, 3, 20, 20)).cumsum(-1).cumsum(-2) / 12
    return list(np.clip(waves + np.array([0.7, 0.5, 0.3]).reshape(1, 3, 1, 1), 0, 1).astype(np.float32)[:, None])


def _seen(batches: list[Array]) -> dict[str, InputStatistics]:
    return {"x": reduce(join, map(describe, batches))}


def _only(checks: Any) -> Check:
    (check,) = list(checks)
    assert isinstance(check, Check)
    return check


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
    calibration = _seen([np.ascontiguousarray(change(batch)) for batch in _pictures(1)])
    check = _only(check_inputs(calibration, _seen(_pictures(2))))
    assert (check.code, check.verdict) == ("R17", verdict)
    assert message in check.sentence
    assert set(check.evidence) == {"calibration", "inference"}


def test_other_constants_of_normalisation_are_told_by_the_typical_sample() -> None:
    """By ImageNet's mean and deviation, and by 0.5 and 0.5: alike in range, and both signed."""
    fed = _seen([(batch - 0.45) / 0.225 for batch in _pictures(1, 40)])
    expected = _seen([(batch - 0.5) / 0.5 for batch in _pictures(2, 40)])
    check = _only(check_inputs(fed, expected))
    assert check.verdict == "warn"
    assert "are they normalised by the same constants?" in check.sentence


def _scale(array: Array) -> TensorScale:
    seen = observe(array)
    return TensorScale(
        amax=1.0, method="minmax", seen=seen.amax, low=seen.low, high=seen.high, **{"non-finite": seen.nan + seen.inf}
    )


def _scales(peaks: list[float]) -> dict[str, TensorScale]:
    seen = reduce(merge, (observe(np.float32([peak, -peak / 2])) for peak in peaks))
    return {"t": TensorScale(amax=seen.amax, method="minmax", seen=seen.amax, growth=seen.growth())}


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
    check = _only(check_samples(_seen(_pictures(1, count)), _scales(peaks)))
    assert (check.subject, check.verdict) == (subject, verdict)
    assert message in check.sentence


def test_copies_do_not_count_as_samples() -> None:
    check = _only(check_samples(_seen(_pictures(1, 3) * 50), _scales([1.0] * 150)))
    assert (check.verdict, check.evidence["distinct"]) == ("refuse", 3)


def test_tensors_that_are_dead_constant_or_not_finite_are_named() -> None:
    scales = {
        "dead": _scale(np.zeros(4, np.float32)),
        "constant": _scale(np.full(4, 3, np.float32)),
        "broken": _scale(np.float32([1, np.nan, np.inf])),
        "fine": _scale(np.float32([1, 2])),
    }
    found = {check.subject: (check.verdict, check.evidence["tensors"]) for check in check_tensors(scales)}
    assert found == {
        "non-finite": ("refuse", {"broken": 2}),
        "dead": ("warn", ["dead"]),
        "constant": ("warn", ["constant"]),
    }


@pytest.mark.parametrize(("seen", "verdict"), [({0, 1, 2}, "ok"), ({0, 1}, "warn")])
def test_classes_without_a_sample_are_named(seen: set[int], verdict: str) -> None:
    assert _only(check_classes(seen, {0, 1, 2})).verdict == verdict


@pytest.mark.parametrize(("amax", "verdict"), [(2.0, "ok"), (1.0, "refuse")])
def test_tensors_that_reach_further_in_inference_are_named(amax: float, verdict: str) -> None:
    assert _only(check_coverage(_scales([amax]), {"t": observe(np.float32([2, -1]))})).verdict == verdict


@pytest.mark.parametrize(
    ("limits", "verdict"), [(Limits(), "warn"), (Limits(few=13), "refuse"), (Limits(enough=12, growing=0.9), "ok")]
)
def test_the_lines_between_verdicts_can_be_drawn_elsewhere(limits: Limits, verdict: str) -> None:
    scales = _scales([2.0**i for i in range(12)])
    assert _only(check_samples(_seen(_pictures(1, 12)), scales, limits)).verdict == verdict


FRESH = {f"t{i}": 1.0 + i for i in range(20)}
BY_METHOD = {name: (amax, amax / 3) for name, amax in FRESH.items()}
NAMES = {*FRESH, "another", "more"}


@pytest.mark.parametrize(
    ("cache", "refused"),
    [
        (RangesFile("calibration cache", FRESH, (10, 3, 0), "EntropyCalibration2"), {}),
        (
            RangesFile("calibration cache", FRESH, (10, 3, 0), "LegacyCalibration"),
            {"header": "expected the algorithm EntropyCalibration2 or MinMaxCalibration"},
        ),
        (
            RangesFile("PPQ ranges", {f"other{i}": 1.0 for i in range(20)}),
            {"names": "20 of its 20 tensors are not in the model, and it knows 0 of the 20 that are quantized"},
        ),
        (
            RangesFile("calibration cache", {**FRESH, **{f"old{i}": 1.0 for i in range(5)}}, (10, 3, 0), ALGORITHM),
            {"names": "5 of its 25 tensors are not in the model"},
        ),
        (
            RangesFile("PPQ ranges", {name: amax / 255 for name, amax in FRESH.items()}),
            {"ranges": "its ranges are 0.012 times the fresh ones"},
        ),
    ],
)
def test_a_stale_cache_is_refused(cache: RangesFile, refused: dict[str, str]) -> None:
    found = {c.subject: c.sentence for c in check_cache(cache, NAMES, BY_METHOD, (10, 3, 1)) if c.verdict == "refuse"}
    assert found.keys() == refused.keys()
    assert all(text in found[subject] for subject, text in refused.items())


@pytest.mark.parametrize(
    ("amax", "sentence"),
    [
        (FRESH, "it gives the range of 20 of 20 tensors"),
        ({"t1": 2.0, "another": 5.0}, "it gives the range of 1 of 20 tensors; the other 19 are calibrated here"),
        ({**FRESH, "(Unnamed Layer* 3) [Shuffle]_output": 1.0, "ONNXTRT_Broadcast": 1.0}, "of 20 of 20 tensors"),
        ({f"{name}_scale": amax for name, amax in FRESH.items()}, "of 20 of 20 tensors"),
        ({name: amax / 3 for name, amax in FRESH.items()}, "of 20 of 20 tensors"),
    ],
    ids=["whole", "some tensors on purpose", "names that TensorRT makes up", "ModelOpt's suffix", "another method"],
)
def test_a_fresh_cache_passes(amax: dict[str, float], sentence: str) -> None:
    checks = list(check_cache(RangesFile("PPQ ranges", amax), NAMES, BY_METHOD))
    assert {check.verdict for check in checks} == {"ok"}
    assert sentence in checks[0].sentence


@pytest.mark.parametrize(("engine", "verdict"), [(None, "warn"), ((11, 4, 0), "warn"), ((8, 6, 2), "ok")])
def test_a_cache_of_another_tensorrt_gives_its_ranges_all_the_same(
    engine: tuple[int, ...] | None, verdict: str
) -> None:
    cache = RangesFile("calibration cache", FRESH, (8, 6, 1), ALGORITHM)
    header = next(check_cache(cache, NAMES, BY_METHOD, engine))
    assert (header.subject, header.verdict) == ("header", verdict)
    assert ("TensorRT itself skips a cache of another version" in header.sentence) == (verdict == "warn")


def test_scales_of_another_model_or_data_are_refused() -> None:
    scales = Scales(
        method="mse", samples=9, model=Origin(name="a.onnx", sha256="11"), data=Origin(name="c.npz", sha256="22"),
        tensors={},
    )  # fmt: skip
    verdicts = {check.subject: check.verdict for check in check_origin(scales, "11", "23")}
    assert verdicts == {"model": "ok", "data": "refuse"}

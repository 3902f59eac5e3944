"""A sound calibration passes; what would ruin the result is refused by its code, and what may is a warning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from planted import dataset, int8_network, pictures

from trtflow.calibration.calibrate import Choice
from trtflow.data import Dataset, Sample
from trtflow.diagnosis.checks.samples import Limits
from trtflow.files.checks import Check
from trtflow.files.ranges import RangesFile
from trtflow.files.scales import Origin
from trtflow.tasks.calibrate import Calibrated, calibrate
from trtflow.tasks.check_calibration import Loaded, check_calibration

MINMAX = Choice("minmax")
Images = NDArray[np.float32]


@pytest.fixture(scope="module")
def net() -> onnx.ModelProto:
    return int8_network()


@pytest.fixture(scope="module")
def sound(net: onnx.ModelProto) -> Calibrated:
    return calibrate(net, dataset(pictures(2)), MINMAX)


def verdicts(checks: Iterable[Check]) -> dict[tuple[str, str], str]:
    return {(check.code, check.subject): check.verdict for check in checks}


def test_a_sound_calibration_passes_every_check(net: onnx.ModelProto, sound: Calibrated) -> None:
    assert verdicts(check_calibration(net, sound.scales, dataset(pictures(1)), dataset(pictures(2)))) == {
        ("R18", "samples"): "ok",
        ("R18", "tensors"): "ok",
        ("R17", "x"): "ok",
        ("R19", "coverage"): "ok",
    }


def test_samples_that_judge_and_calibrate_at_once_are_a_warning(net: onnx.ModelProto, sound: Calibrated) -> None:
    found = verdicts(check_calibration(net, sound.scales, dataset(pictures(2))))
    assert found == {("R18", "samples"): "ok", ("R18", "tensors"): "ok", ("R17", "data"): "warn"}


def noise(images: Images) -> Images:
    return np.random.default_rng(0).random(images.shape).astype(np.float32)


def broken(images: Images) -> Images:
    return np.where(images > 0.9, np.nan, images).astype(np.float32)


RUINED = {
    "another scale": (lambda x: x * 255, ("R17", "x"), "divide by 255 in the calibration data"),
    "three samples": (lambda x: x[:3], ("R18", "samples"), "3 different samples; expected 8 at the very least"),
    "copies of three": (lambda x: np.repeat(x[:3], 4, 0), ("R18", "samples"), "3 different samples"),
    "noise": (noise, ("R17", "x"), "runs on noise"),
    "not finite": (broken, ("R18", "non-finite"), "tensors hold NaN or infinity"),
}


@pytest.mark.parametrize(("change", "check", "message"), RUINED.values(), ids=RUINED)
def test_what_would_ruin_the_result_is_refused(
    net: onnx.ModelProto, change: Callable[[Images], Images], check: tuple[str, str], message: str
) -> None:
    calibration = dataset(change(pictures(2)))
    found = list(
        check_calibration(net, calibrate(net, calibration, MINMAX).scales, dataset(pictures(1)), calibration)
    )
    assert verdicts(found)[check] == "refuse"
    assert message in next(entry.sentence for entry in found if (entry.code, entry.subject) == check)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (noise, "inference runs on noise"),
        (np.zeros_like, "inference inputs are 0 throughout"),
    ],
    ids=["noise", "zeros"],
)
def test_evaluation_samples_that_say_nothing_beside_real_ones_are_refused(
    net: onnx.ModelProto, sound: Calibrated, change: Callable[[Images], Images], message: str
) -> None:
    found = list(check_calibration(net, sound.scales, dataset(change(pictures(1))), dataset(pictures(2))))
    (refused,) = [check for check in found if check.verdict == "refuse"]
    assert (refused.code, refused.subject) == ("R17", "x")
    assert message in refused.sentence


def test_coverage_is_not_asked_of_inputs_that_are_wrong_already(net: onnx.ModelProto, sound: Calibrated) -> None:
    found = verdicts(check_calibration(net, sound.scales, dataset(pictures(1)), dataset(pictures(2) * 255)))
    assert ("R19", "coverage") not in found


def test_tensors_that_reach_further_in_inference_are_told(net: onnx.ModelProto, sound: Calibrated) -> None:
    tensors = {
        name: entry.model_copy(update={"seen": entry.amax / 3}) for name, entry in sound.scales.tensors.items()
    }
    narrow = sound.scales.model_copy(update={"tensors": tensors})
    found = verdicts(check_calibration(net, narrow, dataset(pictures(1)), dataset(pictures(2))))
    assert found["R19", "coverage"] == "refuse"


@pytest.mark.parametrize("size", [1, 5])
def test_a_batch_counts_as_the_samples_that_it_holds(net: onnx.ModelProto, size: int) -> None:
    data = dataset(pictures(2), size)
    scales = calibrate(net, data, MINMAX).scales
    (samples,) = [entry for entry in check_calibration(net, scales, data) if entry.subject == "samples"]
    assert (samples.verdict, samples.evidence["samples"]) == ("ok", 12)


@pytest.mark.parametrize(("limits", "verdict"), [(Limits(few=13), "refuse"), (Limits(few=12), "ok")])
def test_the_lines_can_be_drawn_elsewhere(
    net: onnx.ModelProto, sound: Calibrated, limits: Limits, verdict: str
) -> None:
    found = verdicts(check_calibration(net, sound.scales, dataset(pictures(2)), limits=limits))
    assert found["R18", "samples"] == verdict


def labelled(images: Images, labels: Iterable[object]) -> Dataset:
    samples = [Sample({"x": images[i : i + 1]}, label) for i, label in enumerate(labels)]
    return Dataset("labelled", lambda: iter(samples))


@pytest.mark.parametrize(
    ("calibration", "inference", "verdict"),
    [
        ([0, 1, 2] * 4, [2, 1, 0], "ok"),
        ([0, 1, 1] * 4, [2, 1, 0], "warn"),
        ([np.array([[0, 1], [1, 2]])] * 12, [np.array([2, 0])], "ok"),
        ([None] * 12, [2, 1, 0], None),
        ([0.5] * 12, [2, 1, 0], None),  # a measure, no class
        (["cat"] * 12, ["dog"], None),
    ],
    ids=["all are there", "one is missing", "masks", "no labels", "fractions", "words"],
)
def test_classes_without_a_sample_are_a_warning(
    net: onnx.ModelProto,
    sound: Calibrated,
    calibration: list[object],
    inference: list[object],
    verdict: str | None,
) -> None:
    data, samples = labelled(pictures(1), inference), labelled(pictures(2), calibration)
    found = verdicts(check_calibration(net, sound.scales, data, samples))
    assert found.get(("R18", "classes")) == verdict


def loaded(sound: Calibrated, **changes: object) -> Loaded:
    """A cache as these samples give it, of the model and data with the digests 11 and 22."""
    file = RangesFile("calibration cache", sound.scales.amax, (10, 3, 0), "EntropyCalibration2")
    return replace(Loaded(file, sound.thresholds, "11", "22", (10, 3, 1)), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amax", "subject", "message"),
    [
        ({"images": 1.0}, "names", "1 of its 1 tensors are not in the model, and it knows 0 of the 4"),
        ({"x": 255.0, "b": 9e5, "d": 200.0, "g": 255.0}, "ranges", "the fresh ones"),
    ],
)
def test_a_stale_cache_is_refused(
    net: onnx.ModelProto, sound: Calibrated, amax: dict[str, float], subject: str, message: str
) -> None:
    stale = loaded(sound, file=RangesFile("JSON ranges", amax))
    found = list(check_calibration(net, sound.scales, dataset(pictures(2)), loaded=stale))
    assert verdicts(found)["R23", subject] == "refuse"
    assert message in next(entry.sentence for entry in found if entry.subject == subject)


def test_a_fresh_cache_passes_and_may_name_any_tensor_of_the_model(net: onnx.ModelProto, sound: Calibrated) -> None:
    file = RangesFile(
        "calibration cache", {**sound.scales.amax, "a": 1.0, "w1": 1.0}, (10, 3, 0), "EntropyCalibration2"
    )
    found = verdicts(check_calibration(net, sound.scales, dataset(pictures(2)), loaded=loaded(sound, file=file)))
    assert {check: verdict for check, verdict in found.items() if check[0] == "R23"} == {
        ("R23", "header"): "ok",
        ("R23", "names"): "ok",
        ("R23", "ranges"): "ok",
    }


@pytest.mark.parametrize(("model", "data"), [("ok", "ok"), ("ok", "refuse"), ("refuse", "ok")])
def test_scales_of_an_earlier_run_are_told_by_their_digests(
    net: onnx.ModelProto, sound: Calibrated, model: str, data: str
) -> None:
    digests = {"model": "11" if model == "ok" else "no", "data": "22" if data == "ok" else "no"}
    origins = {key: Origin(name=key, sha256=digest) for key, digest in digests.items()}
    earlier = sound.scales.model_copy(update=origins)
    given = loaded(sound, file=RangesFile("trtflow scales", earlier.amax, scales=earlier))
    found = verdicts(check_calibration(net, sound.scales, dataset(pictures(2)), loaded=given))
    assert (found["R23", "model"], found["R23", "data"]) == (model, data)

"""R23: a file of ranges belongs to this model, these data and this TensorRT, or is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.diagnosis.checks.caches import STALE, check_cache, check_origin
from trtflow.files.checks import Check
from trtflow.files.exports.calibration_cache import ALGORITHM
from trtflow.files.ranges import RangesFile
from trtflow.files.scales import Origin, Scales

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


def answers(amax: dict[str, float], **fresh: tuple[float, ...]) -> dict[str, Check]:
    """Of a file with the ranges ``amax`` for a model that quantizes ``fresh``."""
    return {check.subject: check for check in check_cache(RangesFile("JSON ranges", amax), NAMES, fresh)}


@pytest.mark.parametrize(("foreign", "verdict"), [(1, "ok"), (2, "refuse")], ids=["a twentieth", "a tenth"])
def test_a_few_strange_names_are_let_pass(foreign: int, verdict: str) -> None:
    amax = {**dict(list(FRESH.items())[foreign:]), **{f"old{i}": 1.0 for i in range(foreign)}}
    assert answers(amax, **BY_METHOD)["names"].verdict == verdict


def test_a_file_that_knows_the_model_but_nothing_of_what_is_quantized_is_refused() -> None:
    assert answers({"another": 1.0, "more": 1.0}, t1=(2.0,))["names"].verdict == "refuse"


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(STALE * 0.99, "ok"), (STALE * 1.01, "refuse"), (1.01 / STALE, "ok"), (0.99 / STALE, "refuse")],
)
def test_ranges_may_be_twice_or_half_the_fresh_ones(ratio: float, verdict: str) -> None:
    assert answers({"t1": 3.0 * ratio}, t1=(3.0,))["ranges"].verdict == verdict


@pytest.mark.parametrize(("off", "verdict"), [(2, "ok"), (3, "refuse")], ids=["a tenth", "more"])
def test_a_tenth_of_the_ranges_may_be_off(off: int, verdict: str) -> None:
    amax = {name: value * (9 if index < off else 1) for index, (name, value) in enumerate(FRESH.items())}
    found = answers(amax, **{name: (value,) for name, value in FRESH.items()})["ranges"]
    assert (found.verdict, len(found.evidence["outside"])) == (verdict, off)


def test_dead_tensors_are_no_measure_of_a_file() -> None:
    found = answers({"t1": 5.0, "t2": 3.0}, t1=(), t2=(3.0,))
    assert {subject: check.verdict for subject, check in found.items()} == {"names": "ok", "ranges": "ok"}
    assert "ranges" not in answers({"t1": 5.0}, t1=())


@given(st.dictionaries(st.sampled_from(sorted(FRESH)), st.floats(1e-6, 1e6), min_size=1), st.floats(0.51, 1.96))
def test_what_is_near_any_methods_range_is_fresh(amax: dict[str, float], ratio: float) -> None:
    fresh = {name: (value * 1e3, value / ratio, value / 1e3) for name, value in amax.items()}
    assert answers(amax, **fresh)["ranges"].verdict == "ok"


def test_a_file_without_a_header_is_not_asked_for_its_version() -> None:
    assert "header" not in answers({"t1": 2.0}, t1=(2.0,))


@pytest.mark.parametrize(
    ("engine", "verdict"), [((10, 3, 5), "ok"), ((10, 4, 0), "warn"), ((8, 3, 0), "warn")], ids=str
)
def test_a_patch_of_tensorrt_reads_the_cache_of_another(engine: tuple[int, ...], verdict: str) -> None:
    cache = RangesFile("calibration cache", FRESH, (10, 3, 0), ALGORITHM)
    header = next(check_cache(cache, NAMES, BY_METHOD, engine))
    assert header.verdict == verdict


@pytest.mark.parametrize(
    ("model", "data", "expected"),
    [
        ("11", "22", {"model": "ok", "data": "ok"}),
        ("12", "22", {"model": "refuse", "data": "ok"}),
        ("11", None, {"model": "ok"}),
    ],
    ids=["the same", "another model", "data that are not known"],
)
def test_only_what_is_known_on_both_sides_is_compared(model: str, data: str | None, expected: dict[str, str]) -> None:
    origins = {"model": Origin(name="a.onnx", sha256="11"), "data": Origin(name="c.npz", sha256="22")}
    scales = Scales(method="mse", samples=9, tensors={}, **origins)
    assert {check.subject: check.verdict for check in check_origin(scales, model, data)} == expected
    bare = scales.model_copy(update={"model": None, "data": None})
    assert list(check_origin(bare, model, data)) == []

"""What a network is fed, in numbers."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from trtflow.numerics.inputs import channel_axis, describe, join, neighbours

NOISE = np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype(np.float32)
SMALL = hnp.arrays(np.float32, st.sampled_from([(1, 3, 4, 5), (1, 2, 6, 6)]), elements=st.floats(-10, 10, width=32))


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((1, 3, 224, 224), 1),
        ((1, 224, 224, 3), 3),
        ((1, 16, 8, 8), 1),
        ((1, 17, 8, 16), 3),
        ((1, 17, 8, 17), None),
        ((2, 3, 4, 5, 6), 1),
        ((1, 3, 224), None),
        ((8,), None),
        ((), None),
    ],
)
def test_channels_lie_on_axis_1_of_pictures_or_on_the_last(shape: tuple[int, ...], axis: int | None) -> None:
    assert channel_axis(shape) == axis


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.arange(100.0), 1.0),
        (np.tile([1.0, -1.0], 50), -1.0),
        (np.ones(50), 0.0),
        (np.float32([1, 2]), 0.0),  # too short to have neighbours to speak of
        (np.zeros((0, 5)), 0.0),
        (np.array(["a", "b", "c"]), 0.0),
        (np.arange(60).reshape(3, 20), 1.0),
        (np.where(np.arange(100) % 50 == 7, np.inf, np.arange(100.0)), 0.95),
    ],
)
def test_smoothness_is_the_correlation_of_neighbours(array: NDArray[Any], expected: float) -> None:
    assert _smoothness(array) == pytest.approx(expected, abs=0.05)


def _smoothness(array: NDArray[Any]) -> float:
    found = neighbours(array)
    return 0.0 if found is None else max(found, key=abs)


PICTURE = NOISE.cumsum(-1).cumsum(-2)
FILTERED = np.where(np.indices(PICTURE.shape)[2:].sum(0) % 2, PICTURE, -PICTURE)  # two colours, in turn


@pytest.mark.parametrize(
    "noise",
    [
        NOISE,
        NOISE + 9 * np.arange(3, dtype=np.float32).reshape(1, 3, 1, 1),
        NOISE.transpose(0, 2, 3, 1),
        NOISE[:, :1],
    ],
    ids=["plain", "around means that differ", "channels last", "grey"],
)
def test_noise_is_not_smooth(noise: NDArray[Any]) -> None:
    assert abs(_smoothness(noise)) < 0.06


@pytest.mark.parametrize(
    "picture",
    [PICTURE, PICTURE.transpose(0, 2, 3, 1), FILTERED, np.repeat(NOISE, 2, -1), PICTURE.astype(np.int16)],
    ids=["plain", "channels last", "behind a filter of colours", "smooth along one axis", "integers"],
)
def test_pictures_are_smooth_however_they_lie(picture: NDArray[Any]) -> None:
    assert abs(_smoothness(picture)) > 0.4


@pytest.mark.parametrize("array", [np.ones((1, 3, 8, 8)), np.full(9, np.nan), np.array(["a", "b", "c"]), np.ones(2)])
def test_where_nothing_varies_neighbours_do_not_correlate(array: NDArray[Any]) -> None:
    assert neighbours(array) is None
    assert describe(np.zeros(9)).smoothness == 0.0


def test_samples_that_do_not_vary_leave_the_others_as_smooth_as_they_are() -> None:
    silent, sound = describe(np.zeros(100)), describe(np.arange(100.0))
    assert reduce(join, [silent, sound, silent, silent]).smoothness == sound.smoothness > 0.9


def test_a_sample_is_described_with_a_range_for_each_channel() -> None:
    array = np.stack([np.full((4, 4), value, np.float32) for value in (0, 1, -2)])[None]
    found = describe(array)
    assert (found.samples, found.shapes, found.axis) == (1, ((1, 3, 4, 4),), 1)
    assert [(channel.low, channel.high) for channel in found.channels] == [(0, 0), (1, 1), (-2, -2)]
    assert (found.whole.low, found.whole.high) == (-2, 1)
    assert found.moments == ((pytest.approx(-1 / 3), pytest.approx(float(array.std()))),)


def test_what_is_no_picture_has_no_channels() -> None:
    found = describe(np.arange(6).reshape(2, 3))
    assert (found.axis, found.channels, found.whole.high) == (None, (), 5)


@pytest.mark.parametrize(
    ("second", "axis", "channels"),
    [((1, 3, 64, 64), 1, 3), ((1, 3, 32, 64), 1, 3), ((1, 4, 64, 64), None, 0), ((1, 64, 64, 3), None, 0)],
)
def test_channels_are_kept_only_where_all_samples_have_the_same(
    second: tuple[int, ...], axis: int | None, channels: int
) -> None:
    found = join(describe(NOISE), describe(np.zeros(second, np.float32)))
    assert (found.axis, len(found.channels), found.samples) == (axis, channels, 2)
    assert found.shapes == tuple(dict.fromkeys([NOISE.shape, second]))


def test_samples_that_repeat_earlier_ones_are_counted_whatever_their_memory_layout() -> None:
    strided = np.asfortranarray(NOISE)
    found = reduce(join, map(describe, [NOISE, strided, NOISE + 1, NOISE]))
    assert (found.samples, found.duplicates) == (4, 2)


def test_smoothness_is_averaged_over_samples() -> None:
    smooth, rough = describe(np.arange(100.0)), describe(np.tile([1.0, -1.0], 50))
    steps = [reduce(join, [smooth] * count + [rough]).correlations for count in (1, 3)]
    assert [np.mean(step, axis=0)[0] for step in steps] == pytest.approx([0, 0.5], abs=0.02)


@given(arrays=st.lists(SMALL, min_size=3, max_size=3))
def test_joining_is_associative_and_keeps_the_order_of_the_samples(arrays: list[NDArray[Any]]) -> None:
    a, b, c = map(describe, arrays)
    left, right = join(join(a, b), c), join(a, join(b, c))
    assert left.digests == right.digests == (*a.digests, *b.digests, *c.digests)
    assert (left.shapes, left.moments, left.whole.peaks) == (right.shapes, right.moments, right.whole.peaks)
    assert left.smoothness == pytest.approx(right.smoothness, abs=1e-9)

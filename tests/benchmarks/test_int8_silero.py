"""Silero's frames and its metric."""

from __future__ import annotations

import numpy as np
from int8_silero import CONTEXT, FRAME, auc, frames, pink


def test_a_frame_is_shown_behind_the_end_of_the_one_before() -> None:
    signal = np.arange(3 * FRAME + 7, dtype=np.float32)
    found = frames(signal)
    assert found.shape == (3, CONTEXT + FRAME)
    np.testing.assert_array_equal(found[0, :CONTEXT], 0)
    np.testing.assert_array_equal(found[2], signal[2 * FRAME - CONTEXT : 3 * FRAME])


def test_pink_noise_has_the_same_power_in_every_octave() -> None:
    power = np.abs(np.fft.rfft(pink(np.random.default_rng(0), 1 << 16))) ** 2
    octaves = [power[1 << n : 2 << n].sum() for n in range(8, 15)]
    assert max(octaves) < 1.25 * min(octaves)


def test_the_area_counts_ties_half_and_has_no_value_without_numbers() -> None:
    labels = [np.array([0, 0, 1, 1])]
    assert auc([{"y": np.array([0.1, 0.5, 0.5, 0.9])}], labels) == {"auc": 0.875}
    assert np.isnan(auc([{"y": np.array([0.1, np.nan, 0.5, 0.9])}], labels)["auc"])

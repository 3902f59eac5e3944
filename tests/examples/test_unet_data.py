"""The U-Net's fields: exact masks, the same for the same seed, and stored as generated."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

KINDS = ("dim", "mixed", "bright")


@pytest.fixture(scope="module")
def stored(root: Path) -> dict[str, npt.NDArray[np.generic]]:
    with np.load(root / "models" / "unet" / "eval.npz") as archive:
        return dict(archive)


def contours(generate: ModuleType, nuclei: list[object]) -> npt.NDArray[np.bool_]:
    """The union of the contours, every nucleus tried at every pixel."""
    y, x = np.mgrid[0 : generate.CANVAS, 0 : generate.CANVAS].astype(float)
    inside = [one.depth(y, x) <= 1 for one in nuclei]
    return np.any(inside, axis=0)


def ellipse(generate: ModuleType, **changes: object) -> object:
    shape = {"y": 100.3, "x": 120.7, "radii": (15.0, 9.0), "angle": 0.0, "amplitudes": (), "phases": (), "peak": 1.0}
    return generate.Nucleus(**{**shape, **changes})


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_is_determined_by_seed_index_and_kind(generate: ModuleType, kind: str) -> None:
    first, again, other = (generate.sample(5, index, kind) for index in (3, 3, 4))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert (first.mask != other.mask).any()
    assert (first.image != other.image).mean() > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_is_the_union_of_the_drawn_contours(generate: ModuleType, kind: str) -> None:
    rng = np.random.default_rng([9, 0, KINDS.index(kind)])
    expected = contours(generate, generate.place(rng, kind))[
        generate.MARGIN : -generate.MARGIN, generate.MARGIN : -generate.MARGIN
    ]
    np.testing.assert_array_equal(generate.sample(9, 0, kind).mask, expected)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.5])
def test_an_unmodulated_contour_is_an_ellipse(generate: ModuleType, angle: float) -> None:
    one = ellipse(generate, angle=angle)
    y, x = np.mgrid[0 : generate.CANVAS, 0 : generate.CANVAS].astype(float)
    u = (x - 120.7) * np.cos(angle) + (y - 100.3) * np.sin(angle)
    v = (y - 100.3) * np.cos(angle) - (x - 120.7) * np.sin(angle)
    _, mask = generate.draw(np.random.default_rng(0), [one])
    np.testing.assert_array_equal(mask, (u / 15) ** 2 + (v / 9) ** 2 <= 1)
    assert mask.sum() == pytest.approx(np.pi * 15 * 9, rel=0.02)


def test_light_ends_within_a_pixel_of_the_mask(generate: ModuleType) -> None:
    light, mask = generate.draw(np.random.default_rng(0), [ellipse(generate)])
    grown = mask.copy()
    for axis in (0, 1):
        grown |= np.roll(mask, 1, axis) | np.roll(mask, -1, axis)
    assert not light[~grown].any()
    assert light[mask].all()


def test_the_camera_saturates_at_16_bits(generate: ModuleType) -> None:
    light = np.full((generate.SIZE, generate.SIZE), 2e5)
    assert (generate.camera(np.random.default_rng(0), light) == 65535).all()


def test_the_camera_adds_the_noise_of_the_electrons(generate: ModuleType) -> None:
    image = generate.camera(np.random.default_rng(0), np.full((generate.SIZE, generate.SIZE), 5000.0))
    counts = image[image < 7000].astype(float)  # without the hot pixels
    assert counts.mean() == pytest.approx(5100, abs=2)
    assert counts.var() == pytest.approx(5000 / 0.46 + (1.6 / 0.46) ** 2, rel=0.03)


def test_the_evaluation_set_is_stored_as_16_bit_counts_with_masks(stored: dict[str, npt.NDArray[np.generic]]) -> None:
    assert {name: (array.shape, array.dtype.name) for name, array in stored.items()} == {
        "image": ((18, 1, 256, 256), "uint16"),
        "masks": ((18, 1, 256, 256), "uint8"),
    }
    assert set(np.unique(stored["masks"])) == {0, 1}


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_stored_fields_are_those_of_the_generator(
    generate: ModuleType, stored: dict[str, npt.NDArray[np.generic]], index: int
) -> None:
    """The masks to the pixel. The images within their noise: numpy may draw it otherwise in another version."""
    field = generate.sample(generate.EVALUATION_STREAM, index, KINDS[index])
    np.testing.assert_array_equal(stored["masks"][index, 0], field.mask)
    was, now = stored["image"][index, 0].astype(float), field.image.astype(float)
    noise = np.sqrt(2 * now / generate.ELECTRONS_PER_COUNT)
    assert (np.abs(was - now) < 6 * noise).mean() > 0.999


def test_dim_fields_stay_within_fp16_but_for_hot_pixels_and_bright_ones_do_not(
    stored: dict[str, npt.NDArray[np.generic]],
) -> None:
    beyond = (stored["image"] > 65504).mean(axis=(1, 2, 3))
    assert (beyond[0::3] < 1e-3).all()
    assert (beyond[2::3] > 0).all()


def test_the_calibration_set_is_none_of_the_frames_that_judge(
    generate: ModuleType, stored: dict[str, npt.NDArray[np.generic]]
) -> None:
    frames = [feed["image"] for feed in itertools.islice(generate.calibration(), 6)]
    assert {frame.shape for frame in frames} == {(1, 1, 256, 256)}
    assert {frame.dtype for frame in frames} == {np.dtype(np.uint16)}
    judged = {frame.tobytes() for frame in stored["image"]}
    assert judged.isdisjoint(frame.tobytes() for frame in frames)
    assert len({frame.tobytes() for frame in frames}) == len(frames)

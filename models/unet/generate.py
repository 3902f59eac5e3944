"""Fluorescence micrographs of nuclei as a 16-bit sCMOS camera records them, with exact masks.

numpy only, seeded. ``python models/unet/generate.py eval.npz`` writes the evaluation set beside this file;
``generate.py:calibration`` is the calibration set, made anew wherever it is read.

A field of nuclei is drawn on a canvas larger than the sensor, so that nuclei cross its border; then come the
optics (point spread, scattered light, vignetting, background) and the camera (shot noise, read noise, hot
pixels, offset, saturation). The mask is the drawn geometry itself: a pixel belongs to a nucleus exactly if
its centre lies within the contour. Nothing is estimated from the image.

Units: lengths in pixels, light in camera counts above the offset until the camera turns it into electrons.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt

Kind = Literal["dim", "mixed", "bright"]
Floats = npt.NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)

SIZE = 256
MARGIN = 24
CANVAS = SIZE + 2 * MARGIN
KINDS: tuple[Kind, ...] = get_args(Kind)
EVALUATION_STREAM, EVALUATION_SAMPLES = 2, 18
CALIBRATION_STREAM, CALIBRATION_SAMPLES = 3, 60

# A common sCMOS camera: 30 000 electrons of full well spread over 16 bits.
ELECTRONS_PER_COUNT = 0.46
OFFSET = 100.0
READ_NOISE_ELECTRONS = 1.6
SATURATION = 65535

# Peak brightness of the nuclei and level of the background by kind of field, in counts.
NUCLEI: dict[Kind, tuple[tuple[float, float], ...]] = {
    "dim": ((300, 1500),),
    "mixed": ((800, 4000), (9000, 60000)),
    "bright": ((12000, 90000),),
}
BACKGROUND: dict[Kind, tuple[float, float]] = {"dim": (50, 250), "mixed": (100, 500), "bright": (400, 3000)}


@dataclass(frozen=True)
class Nucleus:
    """A closed contour around (y, x): an ellipse of the two radii, turned by ``angle``, its radius modulated
    by ``1 + Σ amplitudes[i] · cos((i + 2)·θ + phases[i])``."""

    y: float
    x: float
    radii: tuple[float, float]
    angle: float
    amplitudes: tuple[float, ...]
    phases: tuple[float, ...]
    peak: float

    @property
    def reach(self) -> float:
        """No point of the contour is farther from the centre."""
        return max(self.radii) * (1 + sum(map(abs, self.amplitudes)))

    def depth(self, y: Floats, x: Floats) -> Floats:
        """Relative distance from the centre: 0 there, 1 on the contour, above 1 outside."""
        dy, dx = y - self.y, x - self.x
        along = dx * np.cos(self.angle) + dy * np.sin(self.angle)
        across = dy * np.cos(self.angle) - dx * np.sin(self.angle)
        theta = np.arctan2(across / self.radii[1], along / self.radii[0])
        contour = np.ones_like(theta)
        for order, (amplitude, phase) in enumerate(zip(self.amplitudes, self.phases, strict=True), start=2):
            contour += amplitude * np.cos(order * theta + phase)
        return np.asarray(np.hypot(along / self.radii[0], across / self.radii[1]) / contour)


@dataclass(frozen=True)
class Sample:
    """One field: ``image`` uint16 counts and ``mask`` bool (nucleus or not), both [256, 256]."""

    image: npt.NDArray[np.uint16]
    mask: npt.NDArray[np.bool_]


def sample(seed: int, index: int, kind: Kind) -> Sample:
    """The field number ``index`` of the stream ``seed``: the same three arguments give the same field."""
    rng = np.random.default_rng([seed, index, KINDS.index(kind)])
    nuclei = place(rng, kind)
    light, mask = draw(rng, nuclei)
    light += debris(rng, nuclei)
    return Sample(image=camera(rng, optics(rng, light, kind)), mask=crop(mask))


def place(rng: np.random.Generator, kind: Kind) -> list[Nucleus]:
    """Nuclei at random places, at most touching and overlapping a little, as in a monolayer."""
    nuclei: list[Nucleus] = []
    wanted = rng.integers(8, 34)
    for _ in range(4 * wanted):
        new = nucleus(rng, kind)
        if len(nuclei) < wanted and not any(crowded(new, other) for other in nuclei):
            nuclei.append(new)
    return nuclei


def nucleus(rng: np.random.Generator, kind: Kind) -> Nucleus:
    """One nucleus of random size, shape and brightness, anywhere on the canvas."""
    radius, elongation = rng.uniform(8, 18), rng.uniform(1.0, 1.6)
    ranges = NUCLEI[kind]
    return Nucleus(
        y=rng.uniform(0, CANVAS),
        x=rng.uniform(0, CANVAS),
        radii=(radius * np.sqrt(elongation), radius / np.sqrt(elongation)),
        angle=rng.uniform(0, np.pi),
        amplitudes=tuple(rng.normal(0, [0.05, 0.04, 0.02, 0.015])),
        phases=tuple(rng.uniform(0, 2 * np.pi, 4)),
        peak=log_uniform(rng, *ranges[rng.integers(len(ranges))]),
    )


def crowded(a: Nucleus, b: Nucleus) -> bool:
    """Whether two nuclei overlap more than cells of a monolayer do."""
    reach = (sum(a.radii) + sum(b.radii)) / 2
    return bool(np.hypot(a.y - b.y, a.x - b.x) < 0.85 * reach)


def draw(rng: np.random.Generator, nuclei: list[Nucleus]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The light that the nuclei emit and the mask of their contours, both on the whole canvas.

    A nucleus is thickest in the middle; chromatin makes it grainy, nucleoli leave dark spots in it.
    """
    grain = np.clip(1 + 0.16 * smooth_noise(rng, 1.8) + 0.12 * smooth_noise(rng, 5.0), 0.4, 1.6)
    light, mask = np.zeros((CANVAS, CANVAS)), np.zeros((CANVAS, CANVAS), dtype=bool)
    for one in nuclei:
        part, y, x = window(one.y, one.x, one.reach + 2)
        depth = one.depth(y, x)
        thickness = 0.6 + 0.4 * np.sqrt(np.clip(1 - depth**2, 0, 1))
        # The light's edge is half covered where the mask's edge is: a pixel counts by its covered share.
        coverage = np.clip(0.5 + (1 - depth) * min(one.radii), 0, 1)
        light[part] += one.peak * coverage * thickness * grain[part] * nucleoli(rng, one, y, x)
        mask[part] |= depth <= 1
    return light, mask


def nucleoli(rng: np.random.Generator, one: Nucleus, y: Floats, x: Floats) -> Floats:
    """A factor below 1 within the nucleoli of a nucleus and 1 elsewhere."""
    factor = np.ones_like(y)
    for _ in range(rng.integers(0, 4)):
        cy, cx = rng.normal([one.y, one.x], 0.3 * min(one.radii))
        factor *= 1 - rng.uniform(0.2, 0.5) * spot(y - cy, x - cx, rng.uniform(1.2, 2.5))
    return factor


def debris(rng: np.random.Generator, nuclei: list[Nucleus]) -> Floats:
    """Specks as bright as nuclei but far smaller; they belong to no mask."""
    peaks = [one.peak for one in nuclei] or [1000.0]
    light = np.zeros((CANVAS, CANVAS))
    for _ in range(rng.integers(2, 14)):
        cy, cx = rng.uniform(0, CANVAS, 2)
        peak = float(rng.choice(peaks)) * rng.uniform(0.4, 1.5)
        sigma = rng.uniform(0.6, 1.8)
        part, y, x = window(cy, cx, 6 * sigma)
        light[part] += peak * spot(y - cy, x - cx, sigma)
    return light


def optics(rng: np.random.Generator, light: Floats, kind: Kind) -> Floats:
    """What reaches the sensor: the light blurred and scattered, on an uneven background, vignetted."""
    scattered = rng.uniform(0.01, 0.05)
    focused = (1 - scattered) * blur(light, rng.uniform(0.8, 1.6)) + scattered * blur(light, 14.0)
    _, y, x = window(0, 0, np.inf)
    y, x = 2 * y / CANVAS - 1, 2 * x / CANVAS - 1
    slope_y, slope_x = rng.uniform(-0.5, 0.5, 2)
    background = log_uniform(rng, *BACKGROUND[kind]) * (1 + slope_y * y + slope_x * x)
    haze = 1 + 0.15 * smooth_noise(rng, 30.0)
    vignetting = 1 - rng.uniform(0, 0.35) * (y**2 + x**2) / 2
    return crop((focused + np.maximum(background * haze, 0)) * vignetting)


def camera(rng: np.random.Generator, light: Floats) -> npt.NDArray[np.uint16]:
    """Counts as read out: shot noise of the electrons, read noise, hot pixels, offset, 16 bits."""
    electrons = rng.poisson(np.maximum(light, 0) * ELECTRONS_PER_COUNT).astype(np.float64)
    electrons += rng.normal(0, READ_NOISE_ELECTRONS, light.shape)
    counts = OFFSET + electrons / ELECTRONS_PER_COUNT
    hot = rng.integers(0, SIZE, (2, rng.integers(3, 12)))
    counts[hot[0], hot[1]] += log_uniform(rng, 1000, 90000)
    return np.clip(np.rint(counts), 0, SATURATION).astype(np.uint16)


def window(y: float, x: float, reach: float) -> tuple[tuple[slice, slice], Floats, Floats]:
    """The part of the canvas within ``reach`` of (y, x), and the y and x of its pixel centres."""
    rows, columns = (
        slice(int(max(0, np.floor(centre - reach))), int(min(CANVAS, np.ceil(centre + reach) + 1)))
        for centre in (y, x)
    )
    ys, xs = np.mgrid[rows, columns].astype(np.float64)
    return (rows, columns), ys, xs


def crop(canvas: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """The part of the canvas that the sensor sees."""
    return canvas[MARGIN:-MARGIN, MARGIN:-MARGIN]


def spot(dy: Floats, dx: Floats, sigma: float) -> Floats:
    """A Gaussian spot of height 1."""
    return np.asarray(np.exp(-(dy**2 + dx**2) / (2 * sigma**2)))


def blur(field: Floats, sigma: float) -> Floats:
    """Gaussian blur by its transfer function ``exp(-2 (pi sigma f)^2)``; it wraps around in the margin."""
    fy, fx = np.fft.fftfreq(CANVAS)[:, None], np.fft.rfftfreq(CANVAS)[None, :]
    transfer = np.exp(-2 * np.pi**2 * sigma**2 * (fy**2 + fx**2))
    return np.fft.irfft2(np.fft.rfft2(field) * transfer, s=field.shape)


def smooth_noise(rng: np.random.Generator, sigma: float) -> Floats:
    """Gaussian noise correlated over ``sigma`` pixels, of standard deviation 1."""
    noise = blur(rng.normal(size=(CANVAS, CANVAS)), sigma)
    return noise / float(noise.std())


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A draw whose logarithm is uniform: as many between 1 and 10 as between 10 and 100."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def evaluation() -> Iterator[Sample]:
    """The evaluation set: dim, mixed and bright fields in turn, so that any part of it holds all three."""
    for index in range(EVALUATION_SAMPLES):
        yield sample(EVALUATION_STREAM, index, KINDS[index % len(KINDS)])


@functools.cache
def calibration_frame(index: int) -> npt.NDArray[np.uint16]:
    """One frame of the calibration set, as the network takes it: [1, 1, 256, 256]. A calibration reads it often."""
    return sample(CALIBRATION_STREAM, index, KINDS[index % len(KINDS)]).image[None, None]


def calibration() -> Iterator[dict[str, npt.NDArray[np.uint16]]]:
    """The calibration set: frames of a stream of their own, neither trained nor evaluated on, without masks."""
    for index in range(CALIBRATION_SAMPLES):
        yield {"image": calibration_frame(index)}


def write_evaluation(path: Path) -> None:
    """Writes ``image`` uint16 [18, 1, 256, 256] and ``masks`` uint8 of the same shape as compressed npz."""
    fields = list(evaluation())
    image = np.stack([field.image[None] for field in fields])
    masks = np.stack([field.mask[None].astype(np.uint8) for field in fields])
    np.savez_compressed(path, image=image, masks=masks)


if __name__ == "__main__":
    write_evaluation(Path(__file__).parent / (sys.argv[1] if len(sys.argv) > 1 else "eval.npz"))

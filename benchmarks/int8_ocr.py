"""PP-OCRv4 text recognition (Apache-2.0), an SVTR transformer: lines of print; character error rate.

The lines are rendered here with Pillow's own font and padded with zeros on the right, as PP-OCR pads what it cuts out
of a page; padded with more paper instead, even FP32 reads ghosts of characters there. Words, sizes and contrasts were
chosen so that FP32 reads every line without an error: what is counted is what quantization does, not the network's
own slips. The first lines are measured, the others calibrate.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from fetched import PPOCR, fetch
from int8_task import Array, Outputs, Task, dataset
from PIL import Image, ImageDraw, ImageFont

from trtflow.data import Sample

MEASURED, CALIBRATING = 48, 80
HEIGHT, WIDTH, MARGIN = 48, 512, 8
SIZES = (28, 38)  # of the font, the second one is left out

NOUNS = (
    "account balance bridge carrier contract customer delivery district engine freight harbour invoice journey "
    "kitchen library machine market number office platform quantity receipt reference shipment signature station "
    "terminal ticket transfer vehicle village warehouse window yellow"
)
MONTHS = "January February March April May June July August September October November December"


def ocr(folder: Path) -> Task:
    fetch(PPOCR, folder)
    model = folder / "ppocr_rec.onnx"
    samples = [line(seed) for seed in range(MEASURED + CALIBRATING)]
    metric = partial(cer, alphabet=alphabet(model))
    measured, calibrating = samples[:MEASURED], dataset(samples[MEASURED:])
    return Task("PP-OCRv4 rec", model, calibrating, measured, metric, {"cer": {"rise": 0.01}})


def text(random: np.random.Generator) -> str:
    """What stands on forms and labels: words in several cases, dates, amounts, numbers."""
    noun, other = random.choice(NOUNS.split(), 2, replace=False)
    number = int(random.integers(10, 9999))
    kinds = (
        f"{noun.capitalize()} {other}",
        f"{noun.upper()} {number}",
        f"{random.integers(1, 29)} {random.choice(MONTHS.split())} {random.integers(1900, 2030)}",
        f"{noun.capitalize()} no. {number}",
        f"{number / 10:.2f} kg of {noun}s",
    )
    return kinds[random.integers(len(kinds))]


def line(seed: int) -> Sample:
    """One line, dark on light or light on dark, as the network takes it."""
    random = np.random.default_rng(seed)
    written = text(random)
    dark, light = random.integers(0, 80), random.integers(176, 256)
    ink, paper = (dark, light) if random.random() < 0.7 else (light, dark)
    font = ImageFont.load_default(int(random.integers(*SIZES)))
    image = Image.new("L", (WIDTH, HEIGHT), int(paper))
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, HEIGHT // 2), written, int(ink), font, anchor="lm")
    pixels = np.asarray(image).astype(np.float32) / 127.5 - 1
    pixels[:, int(draw.textlength(written, font)) + 2 * MARGIN :] = 0
    return Sample({"x": np.repeat(pixels[None, None], 3, axis=1)}, written)


def alphabet(model: Path) -> list[str]:
    """The characters by class, the blank first."""
    held = onnx.load(model)
    characters = next(entry.value for entry in held.metadata_props if entry.key == "character")
    return ["", *characters.split("\n"), " "]


def cer(outputs: Outputs, labels: Sequence[object], alphabet: Sequence[str]) -> dict[str, float]:
    """Edits over characters, spaces left out, of greedily decoded CTC outputs [1, steps, classes]."""
    wanted = ["".join(str(label).split()) for label in labels]
    read = [decoded(next(iter(found.values()))[0], alphabet) for found in outputs]
    return {"cer": sum(map(edits, read, wanted)) / sum(map(len, wanted))}


def decoded(scores: Array, alphabet: Sequence[str]) -> str:
    """The text of one output: repeats merged, blanks and spaces dropped."""
    return "".join("".join(alphabet[code] for code in decoded_codes(scores)).split())


def decoded_codes(scores: Array) -> Array:
    """The classes of one output, repeats merged."""
    best = scores.argmax(axis=-1)
    return np.asarray(best[np.append(True, best[1:] != best[:-1])])


def edits(a: Sequence[object], b: Sequence[object]) -> int:
    """Levenshtein's distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]

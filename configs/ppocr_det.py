"""Data and metric for PP-OCRv4 text detection: rendered pages whose boxes are known, and hmean.

Needs numpy and Pillow. The pages are drawn with the font that Pillow brings, so that nothing is fetched and the
box of every line is exact. All text is horizontal, hence boxes are upright rectangles ``(x0, y0, x1, y1)`` in
pixels, with x1 and y1 exclusive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Floats = npt.NDArray[np.float32]

SIZE = 640
PAGES = 6
SEED = 7
# Font size in pixels, ink and paper of each page.
STYLES = (
    (22, (0, 0, 0), (255, 255, 255)),
    (30, (30, 30, 60), (240, 235, 220)),
    (26, (235, 235, 235), (40, 44, 52)),
    (36, (120, 20, 20), (250, 250, 250)),
    (24, (20, 70, 30), (215, 225, 215)),
    (32, (60, 60, 60), (200, 205, 215)),
)
VOCABULARY = (
    "account address amount balance before between carrier contract customer date delivery department "
    "document due freight gross invoice item journey kilogram ledger machine measure number October order "
    "package payment period price quantity receipt reference report serial shipment signature station "
    "storage subtotal supplier terminal ticket total transfer vehicle voucher warehouse weight"
)

# The post-processing of Differentiable Binarization (https://arxiv.org/abs/1911.08947), with PP-OCR's settings.
PIXEL_THRESHOLD = 0.3
BOX_THRESHOLD = 0.5
UNCLIP_RATIO = 1.6
SMALLEST_SIDE = 3
# A found box counts as a line from this overlap on, as in ICDAR's evaluation.
MATCH_IOU = 0.5


def pages() -> Iterator[tuple[dict[str, Floats], Floats]]:
    """Yields each page as the network takes it, ``x`` float32 [1, 3, 640, 640], and its boxes [lines, 4]."""
    for index in range(PAGES):
        image, boxes = page(index)
        pixels = np.asarray(image).astype(np.float32) / np.float32(255)
        scaled = (pixels - np.float32(0.5)) / np.float32(0.5)
        yield {"x": np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])}, boxes


def hmean(outputs: Sequence[Mapping[str, npt.NDArray[np.floating]]], labels: Sequence[object]) -> dict[str, float]:
    """The harmonic mean of precision and recall over the lines of all pages, 0 if none is found.

    ``outputs`` hold one probability map [1, 1, H, W] each, under whatever name; ``labels`` are the pages' boxes.
    """
    matched = found = expected = 0
    for output, label in zip(outputs, labels, strict=True):
        (maps,) = output.values()
        boxes, truth = detect(np.asarray(maps)[0, 0]), np.asarray(label)
        matched += matches(boxes, truth)
        found += len(boxes)
        expected += len(truth)
    return {"hmean": 2 * matched / (found + expected)}


def page(index: int) -> tuple[Image.Image, Floats]:
    """Page number ``index`` and the box of each of its lines: the extent of the line's ink."""
    size, ink, paper = STYLES[index]
    rng = np.random.default_rng([SEED, index])
    font = ImageFont.load_default(size)
    image = Image.new("RGB", (SIZE, SIZE), paper)
    boxes, top = [], 24
    while top + 2 * size < SIZE:
        mask = Image.new("L", (SIZE, SIZE))
        ImageDraw.Draw(mask).text((int(rng.integers(16, 80)), top), line(rng, size), fill=255, font=font)
        image.paste(ink, mask=mask)
        boxes.append(mask.getbbox())
        top += int(size * rng.uniform(2.2, 3.4))
    return image, np.array(boxes, dtype=np.float32)


def line(rng: np.random.Generator, size: int) -> str:
    """Words and numbers that fill about half a line or more."""
    words = VOCABULARY.split()
    text, wanted = "", rng.uniform(0.4, 0.8) * SIZE / (0.55 * size)
    while len(text) < wanted:
        text += f" {rng.integers(1, 10000)}" if rng.random() < 0.25 else f" {rng.choice(words)}"
    return text.strip()


def detect(probability: npt.NDArray[np.floating]) -> Floats:
    """The boxes [found, 4] of a probability map [H, W].

    Each connected region above the pixel threshold is a line if its box is probable on average. The network is
    trained on shrunk lines, so that the box grows by area times ratio over perimeter on all sides.
    """
    boxes = []
    for x0, y0, x1, y1 in regions(probability > PIXEL_THRESHOLD):
        width, height = x1 - x0, y1 - y0
        if min(width, height) < SMALLEST_SIDE or probability[y0:y1, x0:x1].mean() < BOX_THRESHOLD:
            continue
        grown = width * height * UNCLIP_RATIO / (2 * (width + height))
        boxes.append((x0 - grown, y0 - grown, x1 + grown, y1 + grown))
    return np.array(boxes, dtype=np.float32).reshape(-1, 4)


def regions(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """The bounding box (x0, y0, x1, y1) of each region of True pixels that touch by their sides."""
    labels = connect(mask)
    found, of_pixel = np.unique(labels[mask], return_inverse=True)
    ys, xs = np.nonzero(mask)
    low = np.full((len(found), 2), np.iinfo(np.int64).max)
    high = np.zeros((len(found), 2), dtype=np.int64)
    np.minimum.at(low, of_pixel, np.stack([xs, ys], axis=1))
    np.maximum.at(high, of_pixel, np.stack([xs, ys], axis=1) + 1)
    return [(int(a), int(b), int(c), int(d)) for (a, b), (c, d) in zip(low, high, strict=True)]


def connect(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Labels regions: every True pixel gets the largest index of its region's pixels, from 1; others get 0.

    Labels spread along whole runs of a row, then of a column, until nothing changes: a few rounds for the
    compact regions that text leaves.
    """
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        before = labels
        labels = spread(spread(labels).T).T
        if np.array_equal(labels, before):
            return labels


def spread(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Gives each run of non-zero labels within a row the largest label of the run."""
    inside = labels > 0
    starts = np.ones(labels.shape, dtype=bool)
    starts[:, 1:] = inside[:, 1:] != inside[:, :-1]
    first = np.flatnonzero(starts)
    largest = np.maximum.reduceat(labels.ravel(), first)
    return np.repeat(largest, np.diff(first, append=labels.size)).reshape(labels.shape)


def matches(boxes: Floats, truth: Floats) -> int:
    """How many pairs of found and true boxes overlap enough, the best first, each box in one pair."""
    overlap = iou(boxes, truth)
    count = 0
    while overlap.size and overlap.max() >= MATCH_IOU:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        overlap[row, :] = overlap[:, column] = 0
        count += 1
    return count


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of each box of ``a`` [n, 4] with each of ``b`` [m, 4], as [n, m]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    return np.asarray(shared / (area(a)[:, None] + area(b)[None, :] - shared))


def area(boxes: Floats) -> Floats:
    """The area of each box."""
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))

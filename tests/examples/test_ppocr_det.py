"""PP-OCRv4's pages, its post-processing on constructed maps, and hmean."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Box = tuple[int, int, int, int]


def drawn(*boxes: Box, value: float = 0.9, shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    """A probability map of filled rectangles (x0, y0, x1, y1)."""
    probability = np.zeros(shape, dtype=np.float32)
    for x0, y0, x1, y1 in boxes:
        probability[y0:y1, x0:x1] = value
    return probability


def flood(mask: np.ndarray) -> set[Box]:
    """Bounding boxes of the regions, by the plainest method."""
    left, boxes = set(zip(*np.nonzero(mask), strict=True)), set()
    while left:
        front, region = [left.pop()], set()
        while front:
            y, x = front.pop()
            region.add((y, x))
            near = {(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)} & left
            left -= near
            front.extend(near)
        ys, xs = zip(*region, strict=True)
        boxes.add((min(xs), min(ys), max(xs) + 1, max(ys) + 1))
    return {tuple(int(one) for one in box) for box in boxes}


@given(mask=hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=200, deadline=None)
def test_regions_are_those_of_a_flood_fill(ppocr: ModuleType, mask: np.ndarray) -> None:
    assert set(ppocr.regions(mask)) == flood(mask)


def test_a_spiral_is_one_region(ppocr: ModuleType) -> None:
    spiral = np.array([[1, 1, 1, 1, 1], [0, 0, 0, 0, 1], [1, 1, 1, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]], bool)
    assert ppocr.regions(spiral) == [(0, 0, 5, 5)]


def test_a_found_line_grows_by_area_times_ratio_over_perimeter(ppocr: ModuleType) -> None:
    grown = 30 * 10 * 1.6 / (2 * (30 + 10))
    expected = [[20 - grown, 20 - grown, 50 + grown, 30 + grown]]
    np.testing.assert_allclose(ppocr.detect(drawn((20, 20, 50, 30))), expected)


@pytest.mark.parametrize(
    "probability",
    [
        drawn(),
        drawn((20, 20, 50, 30), value=0.45),
        drawn((20, 20, 50, 22)),
        np.full((64, 64), np.nan, dtype=np.float32),
    ],
    ids=["blank", "improbable", "too thin", "not a number"],
)
def test_nothing_is_found_in_a_map_without_lines(ppocr: ModuleType, probability: np.ndarray) -> None:
    assert ppocr.detect(probability).shape == (0, 4)


def test_overlap_is_intersection_over_union(ppocr: ModuleType) -> None:
    a = np.array([[0, 0, 10, 10]], dtype=np.float32)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], dtype=np.float32)
    np.testing.assert_allclose(ppocr.iou(a, b), [[1, 1 / 3, 0]])


TRUTH = np.array([[10, 10, 50, 20], [10, 30, 50, 40]], dtype=np.float32)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (TRUTH, 2),
        (TRUTH[::-1], 2),
        (TRUTH[:1], 1),
        (TRUTH[:0], 0),
        (np.concatenate([TRUTH[:1], TRUTH[:1] + 1]), 1),
        (TRUTH + 20, 0),
    ],
    ids=["all", "any order", "one", "none", "one line twice", "elsewhere"],
)
def test_a_line_is_matched_at_most_once(ppocr: ModuleType, found: np.ndarray, expected: int) -> None:
    assert ppocr.matches(found, TRUTH) == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([(10, 10, 50, 20), (10, 40, 50, 50)], 1.0),
        ([(10, 10, 50, 20)], 2 / 3),
        ([(10, 10, 50, 20), (10, 40, 50, 50), (54, 54, 62, 62)], 4 / 5),
        ([], 0.0),
    ],
    ids=["all", "one missed", "one too many", "blank"],
)
def test_hmean_is_the_harmonic_mean_over_all_pages(ppocr: ModuleType, shown: list[Box], expected: float) -> None:
    truth = ppocr.detect(drawn((10, 10, 50, 20), (10, 40, 50, 50)))
    outputs = [{"map": drawn(*shown)[None, None]}] * 3
    assert ppocr.hmean(outputs, [truth] * 3) == {"hmean": pytest.approx(expected)}


def test_pages_are_what_the_network_takes_and_the_same_each_time(ppocr: ModuleType) -> None:
    pages, again = list(ppocr.pages()), list(ppocr.pages())
    assert len(pages) == 6
    assert sum(len(boxes) for _, boxes in pages) >= 39
    for (feed, boxes), (feed_again, boxes_again) in zip(pages, again, strict=True):
        assert {name: (x.shape, x.dtype.name) for name, x in feed.items()} == {"x": ((1, 3, 640, 640), "float32")}
        assert (feed["x"].min() >= -1) & (feed["x"].max() <= 1)
        np.testing.assert_array_equal(feed["x"], feed_again["x"])
        np.testing.assert_array_equal(boxes, boxes_again)


@pytest.mark.parametrize("index", range(6))
def test_the_boxes_hold_all_ink_and_touch_it_on_every_side(ppocr: ModuleType, index: int) -> None:
    image, boxes = ppocr.page(index)
    ink = (np.asarray(image) != ppocr.STYLES[index][2]).any(axis=2)
    outside = ink.copy()
    for x0, y0, x1, y1 in boxes.astype(int):
        inside = ink[y0:y1, x0:x1]
        assert inside[0].any() & inside[-1].any() & inside[:, 0].any() & inside[:, -1].any()
        outside[y0:y1, x0:x1] = False
    assert not outside.any()


def test_the_network_finds_every_line(ppocr: ModuleType, root: Path) -> None:
    path = root / "models" / "fetched" / "ppocr-det.onnx"
    if not path.exists():
        pytest.skip("not fetched: run `make fetch-ppocr`")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds, labels = zip(*list(ppocr.pages())[:2], strict=True)
    outputs = [{"map": session.run(None, feed)[0]} for feed in feeds]
    assert ppocr.hmean(outputs, labels) == {"hmean": 1.0}

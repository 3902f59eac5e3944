"""The networks that engines are built of, with data and metrics: the example, text detection, sentence embedding."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from fetched import PPOCR_DET, fetch
from int8_minilm import minilm
from int8_task import Task, dataset
from int8_tasks import unet

from trtflow.data import Sample

CONFIGS = Path(__file__).parents[1] / "configs"


def detection(folder: Path) -> Task:
    """PP-OCRv4 text detection on rendered pages; it has no other pages to calibrate on."""
    fetch(PPOCR_DET, folder)
    sys.path.append(str(CONFIGS))
    example = importlib.import_module("ppocr_det")
    samples = [Sample(feed, boxes) for feed, boxes in example.pages()]
    model, accept = folder / "ppocr-det.onnx", {"hmean": {"drop": 0.01}}
    return Task("PP-OCRv4 det", model, dataset(samples), samples, example.hmean, accept)


TASKS: Mapping[str, Callable[[Path], Task]] = {"unet": unet, "ppocr-det": detection, "minilm": minilm}

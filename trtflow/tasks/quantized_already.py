"""What a run tells of a file that is quantized already, and when it stops for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from onnx import ModelProto

from trtflow.errors import ModelError
from trtflow.files.quantization import Obstacle, Quantization
from trtflow.model.analysis import analyse
from trtflow.qdq.recognise import recognised
from trtflow.tasks.documents import Documents

MEND_PAIRS = (
    "Quantize symmetrically (signed INT8, zero point 0, biases in floating point), or let debug-int8 take the pairs "
    "out and quantize anew: requantize: true"
)
MEND_OPERATORS = "Quantize the floating-point network again, by symmetric Q/DQ pairs (ONNX Runtime: QuantFormat.QDQ)"


def described(found: Quantization) -> str:
    """What is quantized already, in a sentence or two."""
    counts: Counter[tuple[str, str]] = Counter()
    for entry in found.codes:
        counts[entry.role, entry.type.upper()] += entry.count
    parts = [f"{role} in {kind} ({count})" for (role, kind), count in sorted(counts.items())]
    parts += [f"{op} ({count})" for op, count in found.operators.items()]
    only = ", weights only" if found.weights_only else ""
    said = f"Quantized already{only}: {', '.join(parts) or 'a QuantizeLinear'}"
    return f"{said}. {refusal(found.obstacle)}" if found.obstacle else said


def refusal(obstacle: Obstacle) -> str:
    """That TensorRT does not take the file, the first node and what is wrong with it, and what to do."""
    more = f" nor {obstacle.count - 1} more nodes" if obstacle.count > 1 else ""
    mend = MEND_PAIRS if obstacle.pairs else MEND_OPERATORS
    return f"TensorRT does not take {obstacle.node} ({obstacle.op}){more}: {obstacle.why}. {mend}"


def check_quantizable(model: ModelProto) -> Quantization:
    """What quantization ``model`` holds, all of it fit to be analysed as it stands.

    Raises:
        ModelError: TensorRT does not take it, or only weights are quantized, so that nothing runs in eight bits.
    """
    found = recognised(analyse(model))
    if found.obstacle:
        raise ModelError(f"the model is quantized already, and not as engines take it: {refusal(found.obstacle)}.")
    if found.weights_only:
        raise ModelError(
            f"only weights are quantized ({described(found)}): everything computes in floating point. "
            "Run debug-fp16 on it, or let debug-int8 decode the weights and quantize anew: requantize: true."
        )
    return found


def obstacle_mark(documents: Documents) -> Iterator[str]:
    """That TensorRT does not take the file that was examined, whatever the verdict on precision.

    Where nothing was measured, that is what ended the run, and the verdict says so.
    """
    if documents.search is not None and documents.facts.quantization.obstacle:
        yield f"The file holds what no engine takes: {refusal(documents.facts.quantization.obstacle)}."

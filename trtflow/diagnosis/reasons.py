"""The root causes that a node can be kept for, by their codes.

The catalogue is the one users meet in TensorRT issue threads; each row says what happens and what helps.
"""

from __future__ import annotations

from trtflow.files.findings import Reason

_ROWS = (
    Reason(
        "R01",
        "range overflow",
        "keep producer and consumers high until the range falls, use BF16, or rescale",
    ),
    Reason(
        "R02",
        "overflow inside a reduction",
        "keep the reduction high, or use the fused normalisation operator",
    ),
    Reason("R03", "attention score overflow", "keep the score MatMul and the Softmax high"),
    Reason("R04", "constant the format cannot hold", "clamp the constant in the model (a mask of -1e4, say)"),
    Reason(
        "R05",
        "epsilon or divisor underflow",
        "raise the epsilon to at least 6.1e-5, or keep the division high",
    ),
    Reason("R06", "activation underflow", "usually harmless; scale the tensor up, or use BF16 where it is not"),
    Reason("R07", "weights below the format's range", "keep the layer high only if the metric moves"),
    Reason("R08", "large offset, small differences", "subtract the offset first, or keep the consumer high"),
    Reason("R09", "cancellation", "keep both producers and the subtraction high"),
    Reason("R10", "integer or index arithmetic in float", "keep positions, grids and lengths in FP32 or integers"),
    Reason("R11", "long accumulation", "accumulate in FP32: cast the inputs up and the output down"),
    Reason("R17", "preprocessing mismatch", "feed calibration what inference is fed: scale, layout, channel order"),
    Reason("R18", "dead, constant or too few calibration samples", "calibrate on 100 or more different samples"),
    Reason("R19", "clipping by the INT8 range", "minmax or a higher percentile for that tensor, or keep it high"),
    Reason(
        "R20", "INT8 resolution spent on outliers", "a lower percentile, migration into the weights, or keep it high"
    ),
    Reason("R21", "channels of unequal range", "per-channel weights, equalisation across layers, or keep it high"),
    Reason("R22", "one scale for unlike branches", "no pair on the Concat; keep the tail high"),
    Reason("R23", "stale or foreign calibration cache", "calibrate again"),
    Reason("R24", "Q/DQ pairs where no engine fuses them", "let trtflow place them"),
    Reason("R26", "NaN or infinity in the reference", "not a precision problem: mend the model or its input"),
    Reason("quantized", "holds in eight bits", "nothing: the search measured it, with the others that are quantized"),
    Reason("output-layer", "not tried", "quantize it, too, with output-layers: true"),
    Reason("unsuited", "no place for a Q/DQ pair", "nothing: no engine has an INT8 kernel for it as it stands"),
    Reason("forced", "cannot run any lower", "nothing to mend here: the sentence names the rule"),
    Reason("partner", "partner of a culprit", "what helps the node that it goes with helps it, too"),
    Reason("unpaired", "not quantized in the file", "give it pairs, or quantize anew with requantize: true"),
    Reason("casts", "kept to save Casts", "nothing to mend: between kept nodes, Casts would cost more than FP32"),
    Reason("measured", "found by measurement", "no range explains it; the search saw the metric fall without it"),
)
REASONS: dict[str, Reason] = {row.code: row for row in _ROWS}

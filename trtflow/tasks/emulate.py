"""The FP32 graph that computes what a mixed-precision engine would."""

from __future__ import annotations

from collections.abc import Iterable

from onnx import ModelProto

from trtflow.cures import Cure
from trtflow.emulation.emulate import Rounding
from trtflow.files.scales import Scales
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Accumulation
from trtflow.runners import quantized
from trtflow.runners.quantized import Ranges


def emulate(
    model: ModelProto,
    plan: PrecisionPlan,
    scales: Scales | None = None,
    cures: Iterable[Cure] = (),
    rounding: Rounding = "tensor",
    accumulation: Accumulation = FP32,
) -> ModelProto:
    """``model`` under ``plan`` as a graph for any ONNX runtime: FP16 and BF16 rounded, Q/DQ pairs executed.

    Names and types of inputs and outputs are unchanged. ``scales`` are needed where the plan has INT8 or FP8.
    With INT8 or FP8 open it with ``trtflow.model.session.create_session``: ONNX Runtime's own choice of optimisers
    changes what Q/DQ pairs compute. ``rounding``: "tensor" rounds every tensor, "unit" what a fused engine stores.
    ``accumulation="fp16"`` rounds the partial sums of FP16's products, too.

    Raises:
        PlanError: the plan names nodes that the model lacks, or a quantized tensor has no range.

    Example:
        >>> session = onnxruntime.InferenceSession(trtflow.emulate(model, plan).SerializeToString())
    """
    ranges = Ranges({} if scales is None else scales.amax, tuple(cures))
    return quantized.emulate(model, plan, ranges, rounding, accumulation)

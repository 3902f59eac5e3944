"""Write the mixed-precision ONNX that TensorRT builds as is, and check it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import onnx

from trtflow.cures import Cure
from trtflow.files.constraints import Constraints
from trtflow.files.outcomes import RewriteOutcome
from trtflow.files.scales import Scales
from trtflow.model.load import save
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.apply import CarriedOut, carry_out, mix
from trtflow.rewriting.complaints import check_rewritten


def rewrite(
    model: onnx.ModelProto, plan: PrecisionPlan, scales: Scales | None = None, cures: Iterable[Cure] = ()
) -> CarriedOut:
    """``model`` in mixed precision: builds strongly typed, computes what the emulator says; inputs and outputs stay.

    ``scales`` and ``cures`` are needed where the plan has INT8 or FP8; they were measured on this ``model``.

    Raises:
        PlanError: the plan names nodes that the model lacks, or a quantized tensor has no range.
        ModelError: the opset cannot be raised.

    Example:
        >>> trtflow.save(trtflow.rewrite(model, decided.plan).model, "unet.mixed.onnx")
    """
    return mix(model, plan, {} if scales is None else scales.amax, tuple(cures))


def rewrite_file(model: onnx.ModelProto, decision: Constraints, destination: Path) -> RewriteOutcome:
    """Carry out ``decision`` on ``model``, write it to ``destination``, and check that file.

    Raises:
        PlanError: the decision does not fit the model.
        ModelError: the opset cannot be raised.
        RewriteError: ONNX's checker complains of the file, and not of ``model``.
    """
    done = carry_out(model, decision)
    save(done.model, destination)
    borrowed = check_rewritten(destination, done.model, model)
    counts = Counter(node.op_type for node in done.model.graph.node)
    return RewriteOutcome(
        casts=counts["Cast"],
        pairs=counts["QuantizeLinear"],
        bytes=destination.stat().st_size,
        promoted={**done.skipped, **done.promoted},
        notes=(*done.notes, *borrowed),
        recurrent=done.recurrent,
        stepped=done.stepped,
    )

"""Carry out a decision: its cures, its Q/DQ pairs, its types. The run and ``trtflow apply`` both do it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import onnx

from trtflow.cures import Cure, changed
from trtflow.errors import PlanError
from trtflow.files.constraints import Constraints, read_constraints
from trtflow.model.load import load, save
from trtflow.plan import PrecisionPlan
from trtflow.qdq.quantize import quantize
from trtflow.rewriting.misfits import misfits
from trtflow.rewriting.rewrite import rewrite

NO_RANGES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class CarriedOut:
    """The mixed model, the nodes that stayed in floating point or in FP32 against the decision, remarks, and the low
    ``recurrent`` nodes."""

    model: onnx.ModelProto
    skipped: Mapping[str, str]
    promoted: Mapping[str, str]
    notes: tuple[str, ...]
    recurrent: tuple[str, ...] = ()
    stepped: tuple[str, ...] = ()


def carry_out(model: onnx.ModelProto, decision: Constraints) -> CarriedOut:
    """``model``, normalised, rewritten by ``decision``.

    Raises:
        PlanError: the decision does not fit the model; all misfits at once.
        ModelError: the opset cannot be raised.
    """
    wrong = misfits(decision, model)
    if wrong:
        raise PlanError(
            "the constraints do not fit the model:\n"
            + "\n".join(f"  {line}" for line in wrong)
            + "\nRename what is meant in the constraints file, or run the workflow on this model."
        )
    return mix(changed(model, decision.cures), decision.plan, decision.scales, decision.cures)


def mix(
    model: onnx.ModelProto, plan: PrecisionPlan, amax: Mapping[str, float] = NO_RANGES, cures: Iterable[Cure] = ()
) -> CarriedOut:
    """``model``, rescaled already where ``cures`` say so, with Q/DQ pairs, Casts and types as ``plan`` has them.

    ``amax``: tensor → the magnitude of the largest code, of every activation that a quantized node reads.

    Raises:
        PlanError: the plan names nodes that the model lacks, or a quantized tensor has no range.
        ModelError: the opset cannot be raised.
    """
    quantized = quantize(model, plan, amax, cures)
    rewritten = rewrite(quantized.model, quantized.plan)
    return CarriedOut(
        rewritten.model,
        quantized.skipped,
        rewritten.promoted,
        rewritten.notes,
        rewritten.recurrent,
        rewritten.stepped,
    )


def apply(constraints: Path, model: Path, destination: Path) -> tuple[str, ...]:
    """Rewrite ``model`` by the decision in ``constraints``, write ``destination``, and return what to tell.

    Raises:
        PlanError: the decision does not fit the model; nothing is written then.

    Example:
        >>> trtflow.apply(Path("constraints.yaml"), Path("unet-v2.onnx"), Path("unet-v2.mixed.onnx"))
        ('unet-v2.onnx is not the file that the decision was measured on: validate the result',)
    """
    decision, loaded = read_constraints(constraints), load(model)
    done = carry_out(loaded.model, decision)
    save(done.model, destination)
    notes = [*loaded.notes, *done.notes]
    notes += [f"{node} is not quantized: {why}" for node, why in done.skipped.items()]
    notes += [f"{node} stays in FP32 too: {why}" for node, why in done.promoted.items()]
    if loaded.digest != decision.model.sha256:
        notes.append(f"{model.name} is not the file that the decision was measured on: validate the result")
        notes += [cure.caveat for cure in decision.cures if cure.caveat]
    return tuple(notes)

"""Re-apply a decision to a model that was exported again: its cures, its Q/DQ pairs, its types."""

from __future__ import annotations

from pathlib import Path

from trtflow.cures import changed
from trtflow.errors import PlanError
from trtflow.files.constraints import read_constraints
from trtflow.rewriting.misfits import misfits


def apply_constraints(constraints: Path, model: Path, destination: Path) -> tuple[str, ...]:
    """Rewrite ``model`` by the decision in ``constraints``, write ``destination``, and return what to tell.

    Raises:
        PlanError: the decision does not fit the model; nothing is written then.
    """
    from trtflow.model.load import load, save
    from trtflow.qdq.quantize import quantize
    from trtflow.rewriting.rewrite import rewrite

    decision, loaded = read_constraints(constraints), load(model)
    wrong = misfits(decision, loaded.model)
    if wrong:
        raise PlanError(
            f"{constraints.name} does not fit {model.name}:\n"
            + "\n".join(f"  {line}" for line in wrong)
            + "\nRename what is meant in the constraints file, or run the workflow on this model."
        )
    quantized = quantize(changed(loaded.model, decision.cures), decision.plan, decision.scales, decision.cures)
    rewritten = rewrite(quantized.model, quantized.plan)
    save(rewritten.model, destination)
    notes = [*loaded.notes, *rewritten.notes]
    notes += [f"{node} is not quantised: {why}" for node, why in quantized.skipped.items()]
    notes += [f"{node} stays in FP32 too: {why}" for node, why in rewritten.promoted.items()]
    if loaded.digest != decision.model.sha256:
        notes.append(f"{model.name} is not the file that the decision was measured on: validate the result")
        notes += [cure.caveat for cure in decision.cures if cure.caveat]
    return tuple(notes)

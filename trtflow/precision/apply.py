"""Re-apply a decision to a model that was exported again."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

from trtflow.errors import PlanError
from trtflow.precision.constraints import Constraints, read_constraints


def apply_constraints(constraints: Path, model: Path, destination: Path) -> tuple[str, ...]:
    """Rewrite ``model`` by the decision in ``constraints``, write ``destination``, and return what to tell.

    Raises:
        PlanError: nodes of the decision are not in the model; nothing is written then.
    """
    from trtflow.graph.load import load, save
    from trtflow.graph.nodes import analyse
    from trtflow.graph.rewrite import rewrite

    decision, loaded = read_constraints(constraints), load(model)
    check_names(decision, analyse(loaded.model).by_name)
    rewritten = rewrite(loaded.model, decision.plan)
    save(rewritten.model, destination)
    notes = [*loaded.notes, *rewritten.notes]
    notes += [f"{node} stays in FP32 too: {why}" for node, why in rewritten.promoted.items()]
    if loaded.digest != decision.model.sha256:
        notes.append(f"{model.name} is not the file that the decision was measured on: validate the result")
    return tuple(notes)


def check_names(decision: Constraints, names: Collection[str]) -> None:
    """Raise PlanError when the decision names nodes that are not among ``names``, with what might be meant."""
    missing = [name for name in decision.nodes if name not in names]
    if not missing:
        return
    lines = []
    for name in missing:
        close = difflib.get_close_matches(name, names, 1)
        lines.append(f"  {name}" + (f" (did you mean {close[0]}?)" if close else ""))
    raise PlanError(
        f"{len(missing)} of {len(decision.nodes)} nodes of the decision are not in the model:\n"
        + "\n".join(lines)
        + "\nRename them in the constraints file, or run the workflow on this model."
    )

"""What is told of outputs that depend on a selection: which they are, and how they were judged."""

from __future__ import annotations

from collections.abc import Iterator

from onnx import ModelProto

from trtflow.files.outcomes import Selected, VerdictDocument
from trtflow.model.selection import selection
from trtflow.numerics.metrics import DISTANCES, MATCHED
from trtflow.tasks.documents import Documents


def selected_by(model: ModelProto) -> Iterator[Selected]:
    """The outputs of ``model``, normalised, by the node that selects them."""
    found = selection(model)
    for group in found.groups:
        yield Selected(node=group.node, op=group.op, outputs=tuple(group.axes), before=found.before)


def judged_as_sets(documents: Documents) -> Iterator[str]:
    """A mark for each node that selects outputs: how these were judged."""
    if documents.verdict is not None:
        for found in documents.facts.selected:
            outputs, node = ", ".join(found.outputs), f"{found.op} '{found.node}'"
            verb = "depends" if len(found.outputs) == 1 else "depend"
            yield f"{outputs} {verb} on {node}, where near ties swap places: {_how(found, documents.verdict)}."


def _how(found: Selected, verdict: VerdictDocument) -> str:
    """By what the outputs of ``found`` were judged."""
    numbers = [name for name in verdict.accept if name in DISTANCES]
    others = [name for name in verdict.accept if name not in DISTANCES]
    said = [f"judged by {' and '.join(others)}{' as sets' if others == [MATCHED] else ''}"] if others else []
    if numbers:
        hidden = not DISTANCES & verdict.candidate.keys()
        seen = "nothing: an engine shows no tensor inside" if hidden else f"what goes in ({', '.join(found.before)})"
        said.append(f"{' and '.join(numbers)} looked at {seen}")
    return "; ".join(said)

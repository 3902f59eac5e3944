"""What a run tells of operators that ONNX does not define, and what becomes of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from onnx import ModelProto

from trtflow.files.outcomes import Foreign
from trtflow.model.foreign import foreign_nodes, unknown_operators
from trtflow.tasks.documents import Documents


def foreign_operators(model: ModelProto) -> Iterator[Foreign]:
    """The foreign operators of ``model``, normalised, by domain and name."""
    unknown = unknown_operators(model)
    counts = Counter((node.domain, node.op_type) for node in foreign_nodes(model))
    for (domain, op), count in sorted(counts.items()):
        yield Foreign(operator=f"{domain}.{op}", count=count, runs=(domain, op) not in unknown)


def described(found: Sequence[Foreign], ends: Sequence[str]) -> str:
    """Which operators are foreign, and what becomes of them; ``ends``: see ``Runnable``."""
    known, unknown = [one for one in found if one.runs], [one for one in found if not one.runs]
    said = []
    if known:
        said.append(
            f"{_listed(known)}: no operators of ONNX; ONNX Runtime runs them, they stay in FP32, and TensorRT takes "
            "only those of which it has a plugin"
        )
    if unknown:
        where = f"at the tensors that go in ({', '.join(ends)})" if ends else "at the other outputs"
        said.append(
            f"{_listed(unknown)}: no operators of ONNX, nor of ONNX Runtime here (custom-ops names a library that "
            f"has them); judged {where}; the file that is written holds them, and what follows them, in FP32"
        )
    return "; ".join(said)


def _listed(found: Sequence[Foreign]) -> str:
    return ", ".join(f"{one.operator} ({one.count})" for one in found)


def foreign_mark(documents: Documents) -> Iterator[str]:
    """That no plan reaches some operators, and that the verdict holds in front of those that nothing here runs."""
    facts = documents.facts
    if facts.foreign:
        yield f"Foreign operators: {described(facts.foreign, facts.ends)}."

"""What a Scan carries and slices, in the format that its body has it in: the Casts stand outside.

TensorRT-RTX 1.7.1 fails on some bodies with Casts at their border: "Mismatched number of elements in reshape op" for
a slice that is cast down inside, "CHECK(graph().ssa_validation()) failed" for an output that no step changes and that
is cast up inside. The same Scans with the Casts outside build. Loop and If build either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence

import onnx

from trtflow.model.analysis import Analysis
from trtflow.model.scopes import STANDARD_DOMAINS, Key, Scope
from trtflow.model.types import attribute_int
from trtflow.model.units import readers
from trtflow.precision import Precision

Formats = MutableMapping[str, dict[int, Precision]]


def carry(
    analysis: Analysis, inputs: Formats, outputs: Formats, produced: MutableMapping[Key, Precision]
) -> frozenset[Key]:
    """Add what Scans read and write in a low format to the formats of the nodes; returns the low ends of bodies.

    A state is low where the body writes its next value low and reads it in that format alone, so that rounding the
    first value outside changes nothing; a slice where it is read in one low format alone; what is stacked where it
    is written low. All else stays FP32 at the end of the body, with Casts inside.
    """
    users = readers(analysis)
    ends: set[Key] = set()
    for scope in reversed(analysis.scopes):  # inner Scans first: the bodies around them read and write what they do
        for node, body in _scans(scope):
            given = [(body.path, value.name) for value in body.graph.input]
            written = [(body.path, value.name) for value in body.graph.output]
            states = len(given) - attribute_int(node, "num_scan_inputs")
            formats = {key: _read_in(analysis, key, users.get(key, ()), inputs) for key in given}
            next_in = [produced.get(key) for key in written[:states]]
            apart = {w for g, w, p in zip(given, written, next_in, strict=False) if formats[g] - {p}}
            made = {i: produced[key] for i, key in enumerate(written) if key in produced and key not in apart}
            taken = {i: precision for i, precision in made.items() if i < states}
            taken |= {i: p for i, key in enumerate(given) if i >= states and (p := _only(formats[key]))}
            inputs[node.name], outputs[node.name] = taken, {i: p for i, p in made.items() if node.output[i]}
            produced.update(((scope.path, node.output[i]), p) for i, p in outputs[node.name].items())
            produced.update((given[i], precision) for i, precision in taken.items())
            ends.update({given[i] for i in taken}, {written[i] for i in made})
    return frozenset(ends)


def _scans(scope: Scope) -> Iterator[tuple[onnx.NodeProto, Scope]]:
    """The Scans of ``scope``, each with its body."""
    for node in scope.graph.node:
        if node.op_type == "Scan" and node.domain in STANDARD_DOMAINS:
            yield node, scope.children[node.name][0]


def _read_in(
    analysis: Analysis, key: Key, users: Sequence[str], inputs: Mapping[str, Mapping[int, Precision]]
) -> frozenset[Precision | None]:
    """The formats that the tensor ``key`` is read in; None is among them where it is read as it is."""
    found: set[Precision | None] = set()
    for user in users:
        if user not in analysis.by_name:  # an output of the body
            found.add(None)
            continue
        scope, node = analysis.by_name[user]
        slots = [i for i, name in enumerate(node.input) if name and scope.key(name) == key]
        found.update(inputs.get(user, {}).get(slot) for slot in slots)
    return frozenset(found)


def _only(formats: frozenset[Precision | None]) -> Precision | None:
    """The one low format of ``formats``; None when there is none, or another."""
    return next(iter(formats)) if len(formats) == 1 else None

"""The slices of Scans that are cut along another axis than the first.

TensorRT-RTX 1.7.1 fails where such a slice is moved (Unsqueeze, say) in one precision and then cast to another:
"CHECK(out->dim_count() == perm.size()) failed". Cut along the first axis it builds, as it does without a Cast.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trtflow.model.scopes import STANDARD_DOMAINS, Key, Scope
from trtflow.model.types import attribute_int


def slices(scopes: Iterable[Scope]) -> Iterator[Key]:
    """Those slices, as inputs of their bodies."""
    for scope in scopes:
        for node in scope.graph.node:
            if node.op_type == "Scan" and node.domain in STANDARD_DOMAINS:
                (body,) = scope.children[node.name]
                axes = next((tuple(a.ints) for a in node.attribute if a.name == "scan_input_axes"), ())
                given = body.graph.input[len(body.graph.input) - attribute_int(node, "num_scan_inputs") :]
                yield from ((body.path, value.name) for value, axis in zip(given, axes, strict=False) if axis)

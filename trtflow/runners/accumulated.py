"""The emulated runner with some products summed in FP16, which notes where a partial sum left FP16's range."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from onnx import ModelProto

from trtflow.emulation.accumulation import accumulate
from trtflow.emulation.emulate import Rounding, instrument
from trtflow.plan import PrecisionPlan
from trtflow.runners.reference import ReferenceRunner


class AccumulatedRunner(ReferenceRunner):
    """Executes ``plan`` with the sums of ``nodes``, products of the main graph, in FP16; ``taps`` come back as well.

    ``overflowed`` are those of ``nodes`` that made infinity or NaN of finite operands so far.
    """

    def __init__(
        self,
        model: ModelProto,
        plan: PrecisionPlan,
        nodes: Collection[str],
        rounding: Rounding = "tensor",
        taps: tuple[str, ...] = (),
    ) -> None:
        rounded = instrument(model, plan, rounding)
        made = {name for node in rounded.graph.node for name in node.output}
        self._reads = {
            node.output[0]: (node.name, [name for name in node.input[:2] if name in made])
            for node in rounded.graph.node
            if node.name in nodes
        }
        own = {value.name for value in rounded.graph.output}.union(taps)
        watched = {name for output, (_, reads) in self._reads.items() for name in (output, *reads)}
        self._watched = watched - own
        self.overflowed: set[str] = set()
        super().__init__(accumulate(rounded, nodes), name="emulated-sums", taps=(*taps, *sorted(self._watched)))

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs for ``feed``."""
        found = super().__call__(feed)
        for output, (node, reads) in self._reads.items():
            if not np.isfinite(found[output]).all() and all(np.isfinite(found[name]).all() for name in reads):
                self.overflowed.add(node)
        return {name: array for name, array in found.items() if name not in self._watched}

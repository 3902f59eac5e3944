"""Nodes that are written one behind the other, each result under a name of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from trtflow.emulation.rounding import cast_pair
from trtflow.model.edit import FreshNames
from trtflow.precision import Precision

AXES_ARE_INPUTS = 13
"""The opset from which on Unsqueeze and Split take as inputs what were attributes."""


@dataclass
class Writer:
    """Collects ``nodes`` in opset ``version``; what they make and are called derives from ``base``."""

    base: str
    version: int
    fresh: FreshNames
    nodes: list[onnx.NodeProto] = field(default_factory=list)

    def inner(self) -> Writer:
        """A writer of a body: other nodes, names from the same stock."""
        return Writer(self.base, self.version, self.fresh)

    def name(self) -> str:
        """A tensor's name that nothing has."""
        return self.fresh(self.base, "step")

    def __call__(self, op: str, *inputs: str, into: str = "", **attributes: Any) -> str:
        """Write ``op`` of ``inputs``; the name of its result, which is ``into`` if given."""
        (made,) = self.several(op, inputs, [into or self.name()], **attributes)
        return made

    def several(self, op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Sequence[str]:
        """Write ``op`` of ``inputs``, which makes ``outputs``; their names."""
        self.nodes.append(helper.make_node(op, inputs, outputs, self.fresh(self.base, "node"), **attributes))
        return outputs

    def constant(self, value: np.ndarray) -> str:
        """The tensor ``value``."""
        return self("Constant", value=numpy_helper.from_array(value))

    def ints(self, *values: int) -> str:
        """A vector of integers."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A scalar."""
        return self.constant(np.array(value, np.float32))

    def element(self, name: str, index: int, axis: int) -> str:
        """What lies at ``index`` of ``axis``, without that axis."""
        return self("Gather", name, self.constant(np.array(index, np.int64)), axis=axis)

    def unsqueeze(self, name: str, axis: int) -> str:
        """``name`` with a further ``axis``."""
        if self.version < AXES_ARE_INPUTS:
            return self("Unsqueeze", name, axes=[axis])
        return self("Unsqueeze", name, self.ints(axis))

    def split(self, name: str, axis: int, *sizes: int) -> Sequence[str]:
        """The parts of ``name`` that have these ``sizes`` along ``axis``."""
        outputs = [self.name() for _ in sizes]
        if self.version < AXES_ARE_INPUTS:
            return self.several("Split", [name], outputs, axis=axis, split=sizes)
        return self.several("Split", [name, self.ints(*sizes)], outputs, axis=axis)

    def rounded(self, name: str, precision: Precision) -> str:
        """``name`` rounded to ``precision``."""
        made = self.name()
        self.nodes.extend(cast_pair(name, made, precision, self.fresh))
        return made

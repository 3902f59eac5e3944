"""Rounding inside an FP32 graph: pairs of Casts, each tensor at most once per format, placed where it is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import onnx
from onnx import helper

from trtflow.model.edit import FreshNames
from trtflow.model.scopes import Key
from trtflow.precision import FP32, ROWS, Precision


@dataclass
class Roundings:
    """The rounded copies that consumers ask for, by tensor."""

    fresh: FreshNames
    copies: dict[Key, dict[Precision, str]] = field(default_factory=dict)

    def request(self, key: Key, precision: Precision) -> str:
        """The name of the copy of ``key`` rounded to ``precision``; the first request makes it."""
        wanted = self.copies.setdefault(key, {})
        if precision not in wanted:
            wanted[precision] = self.fresh(key[1], precision)
        return wanted[precision]

    def made_from(self, scope: str, names: Iterable[str]) -> list[onnx.NodeProto]:
        """The nodes that compute the requested copies of ``names``, tensors of ``scope``."""
        return [
            node
            for name in names
            for precision, copy in self.copies.get((scope, name), {}).items()
            for node in cast_pair(name, copy, precision, self.fresh)
        ]


def cast_pair(source: str, target: str, precision: Precision, fresh: FreshNames) -> list[onnx.NodeProto]:
    """``target`` = ``source`` rounded to ``precision``, in FP32. No optimisation level of ONNX Runtime elides it."""
    stored = fresh(target, "stored")
    return [
        helper.make_node("Cast", [source], [stored], fresh(target, "down"), to=ROWS[precision].onnx_type),
        helper.make_node("Cast", [stored], [target], fresh(target, "up"), to=ROWS[FP32].onnx_type),
    ]

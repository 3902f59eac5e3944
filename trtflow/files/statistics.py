"""Every layer of every candidate against the reference: ``statistics.json``, and ``layers.csv``, a table of it."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import reduce
from pathlib import Path

from pydantic import Field

from trtflow.files.document import Document
from trtflow.model.layers import Layer
from trtflow.numerics.record import Figures

_COUNTS = ("differing", "count", "differing_share")  # the old note's table: differing, total, ratio
WRONG = 0.10  # a layer is wrong when more than this share of its values deviates on some sample


class Statistics(Document):
    """The figures of each tensor by candidate, over ``samples``; ``layers`` in topological order.

    Samples are counted from 0.

    A network's float inputs have figures, too: what a first layer reads of them. ``unseen`` are nodes in bodies of
    control flow that take a low precision and that nothing is known of, and others that a runner does not show.
    ``runners``: where candidates, and the ``reference``, ran that were not emulated. ``observer``: of each of them
    that is an engine, what reading its layers changes of the network's outputs (relative root mean square).
    ``mechanisms``: of such a candidate, tensor → what made its precision so as it was read: its own type (typed), a
    Cast to FP32 behind it (cast), precision and type set on its layer (constraint), or nothing (debug). ``built``:
    node → what the engine's inspector says of its precision.
    """

    samples: int
    rounding: str
    layers: tuple[Layer, ...]
    candidates: Mapping[str, Mapping[str, Figures]] = Field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    runners: Mapping[str, str] = Field(default_factory=dict)
    observer: Mapping[str, float] = Field(default_factory=dict)
    mechanisms: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    built: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)

    @property
    def first(self) -> Mapping[str, Figures]:
        """Those of the first candidate; what they say of the reference is the same for all."""
        return next(iter(self.candidates.values()), {})

    def wrong(self, candidate: str) -> tuple[Layer, ...]:
        """The layers of ``candidate`` of which, on some sample, over a tenth of the values deviate by over 10 %."""
        found = self.candidates[candidate]
        return tuple(layer for layer in self.layers if found[layer.tensor].worst_differing_share > WRONG)

    def joined(self, other: Statistics) -> Statistics:
        """These with the candidates of ``other``, which compared the same network, and what is told of them."""
        return self.model_copy(update={name: {**getattr(self, name), **getattr(other, name)} for name in _BY_NAME})


_BY_NAME = ("candidates", "runners", "observer", "mechanisms", "built")
UNREAD = Figures(sqnr_db=math.nan, cosine=math.nan, worst_sqnr_db=math.nan)
"""Of a tensor that a candidate did not hand out: nothing was compared."""


def side_by_side(found: Sequence[Statistics], names: Sequence[str]) -> Statistics:
    """What was found of some candidates each, of the same network and samples, as one; ``names`` are their order.

    It has the layers that the first candidate showed; of those that others did not show nothing is known there.
    """
    leading = next(one for one in found if names[0] in one.candidates)
    whole = reduce(Statistics.joined, found)
    shown = leading.candidates[names[0]]
    hidden = dict.fromkeys(layer.node for layer in leading.layers if layer.tensor not in shown)
    figures = {name: {tensor: whole.candidates[name].get(tensor, UNREAD) for tensor in shown} for name in names}
    return whole.model_copy(
        update={
            "layers": tuple(layer for layer in leading.layers if layer.tensor in shown),
            "candidates": figures,
            "unseen": (*hidden, *leading.unseen),
        }
    )


def write_layers(statistics: Statistics, path: Path) -> None:
    """One line a layer and candidate: counts of values that deviate by more than 10 %, then all other figures."""
    names = [field.name for field in fields(Figures)]
    others = [name for name in names if name not in _COUNTS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        head = ["candidate", "depth", "layer", "op", "tensor", "differing", "total", "ratio"]
        writer.writerow([*head, *others, "mechanism", "built"])
        for name, tensors in statistics.candidates.items():
            read, built = statistics.mechanisms.get(name, {}), statistics.built.get(name, {})
            for layer in statistics.layers:
                found = tensors[layer.tensor]
                place = [name, layer.depth, layer.node, layer.op, layer.tensor]
                how = [read.get(layer.tensor, ""), built.get(layer.node, "")]
                writer.writerow([*place, *(_cell(getattr(found, column)) for column in (*_COUNTS, *others)), *how])


def _cell(value: float) -> float | str:
    """Infinities as in the JSON documents."""
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value)

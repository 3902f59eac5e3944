"""Every layer of every candidate against the reference: ``statistics.json``, and ``layers.csv``, a table of it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import fields
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
    """

    samples: int
    rounding: str
    layers: tuple[Layer, ...]
    candidates: Mapping[str, Mapping[str, Figures]] = Field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    runners: Mapping[str, str] = Field(default_factory=dict)
    observer: Mapping[str, float] = Field(default_factory=dict)

    @property
    def first(self) -> Mapping[str, Figures]:
        """Those of the first candidate; what they say of the reference is the same for all."""
        return next(iter(self.candidates.values()), {})

    def wrong(self, candidate: str) -> tuple[Layer, ...]:
        """The layers of ``candidate`` of which, on some sample, over a tenth of the values deviate by over 10 %."""
        found = self.candidates[candidate]
        return tuple(layer for layer in self.layers if found[layer.tensor].worst_differing_share > WRONG)

    def joined(self, other: Statistics) -> Statistics:
        """These with the candidates of ``other``, which compared the same network."""
        return self.model_copy(update={"candidates": {**self.candidates, **other.candidates}})


def write_layers(statistics: Statistics, path: Path) -> None:
    """One line a layer and candidate: counts of values that deviate by more than 10 %, then all other figures."""
    names = [field.name for field in fields(Figures)]
    others = [name for name in names if name not in _COUNTS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["candidate", "depth", "layer", "op", "tensor", "differing", "total", "ratio", *others])
        for name, tensors in statistics.candidates.items():
            for layer in statistics.layers:
                found = tensors[layer.tensor]
                place = [name, layer.depth, layer.node, layer.op, layer.tensor]
                writer.writerow([*place, *(_cell(getattr(found, column)) for column in (*_COUNTS, *others))])


def _cell(value: float) -> float | str:
    """Infinities as in the JSON documents."""
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value)

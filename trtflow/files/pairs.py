"""``pairs.json``: what the Q/DQ pairs that a file came with cost, against the same network without them."""

from __future__ import annotations

from pydantic import Field

from trtflow.files.document import Document
from trtflow.files.search import Metrics


class PairCost(Document):
    """A node, the DequantizeLinear nodes in front of it, and the end metrics with these pairs taken out."""

    node: str
    op: str
    dequantizers: tuple[str, ...]
    metrics: Metrics


class PairCosts(Document):
    """End metrics without any pair (``floats``), with all of them (``held``), and without those of single nodes.

    ``nodes`` are ordered by what taking out their pairs gains in SQNR, most first; ``untried`` counts the nodes that
    were not measured.
    """

    samples: int = 0
    floats: Metrics = Field(default_factory=dict)
    held: Metrics = Field(default_factory=dict)
    nodes: tuple[PairCost, ...] = ()
    untried: int = 0

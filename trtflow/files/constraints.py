"""The constraints file: a precision decision on disk, with its reasons and the proof.

It is the canonical file. The rewritten ONNX and every export derive from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from trtflow.cures import Cure
from trtflow.files.search import Word
from trtflow.files.yaml_file import Part, read_document
from trtflow.numerics.accept import Kind
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.yaml12 import Flow, write_lines

VERSION: Literal[2] = 2


class ModelReference(Part):
    """The model that the decision was made for."""

    path: str
    sha256: str


class Node(Part):
    """One node that differs from the default. ``unit`` is what an engine fuses it with.

    ``because``: why it is kept; ``reason``: the root cause, as far as there is one. A quantized node is not kept.
    """

    precision: Precision
    op: str
    unit: int | None = None
    because: Word | None = None
    reason: str
    evidence: Mapping[str, int | float | str] = Field(default_factory=dict)


class DataReference(Part):
    """The samples that judged: the name of their source, how many differ, and why they may judge badly."""

    source: str
    samples: int
    marks: tuple[str, ...] = ()


class Constraints(Part):
    """The content of ``constraints.yaml``; files of version 1 tell nothing of the data."""

    version: Literal[1, 2] = Field(VERSION, alias="trtflow-constraints")
    model: ModelReference
    data: DataReference | None = None
    default: Precision
    nodes: Mapping[str, Node] = Field(default_factory=dict)
    cures: tuple[Cure, ...] = ()
    scales: Mapping[str, float] = Field(default_factory=dict)
    accept: Mapping[str, Mapping[Kind, float]] = Field(default_factory=dict)
    measured: Mapping[str, Mapping[str, float | None]] = Field(default_factory=dict)
    made_by: Mapping[str, str] = Field(default_factory=dict, alias="made-by")

    @property
    def plan(self) -> PrecisionPlan:
        """The decision as a plan."""
        return PrecisionPlan(self.default, {name: node.precision for name, node in self.nodes.items()})


def write_constraints(constraints: Constraints, path: Path) -> None:
    """Write ``path``: one line a node, so that a pull request shows what changed.

    Example:
        >>> trtflow.write_constraints(constraints, Path("constraints.yaml"))
    """
    document = constraints.model_dump(by_alias=True, mode="json", exclude_none=True)
    document["trtflow-constraints"] = VERSION
    for key in ("model", "accept", "made-by"):
        document[key] = Flow(document[key])
    for key in ("nodes", "measured"):
        document[key] = {name: Flow(value) for name, value in document[key].items()}
    document["cures"] = [Flow(cure) for cure in document["cures"]]
    write_lines(document, path)


def read_constraints(path: Path) -> Constraints:
    """Read and check ``path``.

    Raises:
        PlanError: the file is missing, is not YAML, or does not follow the format.

    Example:
        >>> sorted(trtflow.read_constraints(Path("constraints.yaml")).nodes)
        ['/down0/bn0/BatchNormalization', '/down0/conv0/Conv']
    """
    return read_document(path, Constraints, "trtflow-constraints", VERSION, older=(1,))

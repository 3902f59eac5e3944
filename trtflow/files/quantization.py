"""What quantization an ONNX file holds already: part of ``facts.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from trtflow.files.document import Document

Role = Literal["activations", "weights", "biases"]
Zero = Literal["0", "not 0", "computed"]


class Codes(Document):
    """DequantizeLinear nodes that are alike: what they read, in which type, with which scales and zero points.

    ``type`` is ONNX's name in lower case. ``encoded``: a QuantizeLinear stands before them; otherwise the file holds
    codes.
    """

    role: Role
    type: str
    scales: str
    zero: Zero
    encoded: bool
    count: int


class Obstacle(Document):
    """The first of ``count`` nodes that TensorRT does not take, and why.

    ``pairs``: it belongs to a Q/DQ pair, which can be taken out of the graph; otherwise it computes on codes.
    """

    node: str
    op: str
    why: str
    count: int
    pairs: bool


class Quantization(Document):
    """All of it. ``operators`` counts those that compute on codes; ``obstacle`` is None where TensorRT takes all."""

    codes: tuple[Codes, ...] = ()
    operators: Mapping[str, int] = Field(default_factory=dict)
    obstacle: Obstacle | None = None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.codes or self.operators or self.obstacle)

    @property
    def weights_only(self) -> bool:
        """Whether weights are stored as codes, and everything computes in floating point."""
        return bool(self.codes) and not self.operators and all(entry.role == "weights" for entry in self.codes)

"""The scales file: what a calibration found, readable, with what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from trtflow.files.yaml_file import Part, read_document
from trtflow.precision import INT8, Quantized
from trtflow.yaml12 import Flow, write_lines


class Origin(Part):
    """A file that the scales depend on: its name and the sha256 of its content."""

    name: str
    sha256: str


class TensorScale(Part):
    """One activation.

    ``amax`` is the magnitude that the largest code stands for and ``method`` what chose it (``given``: an external
    file did). ``seen`` is the largest magnitude in the samples, ``low`` and ``high`` the range, ``growth`` the share
    of ``seen`` that half of the samples would have missed, ``clipped`` the share of values beyond ``amax``.
    ``spread`` is the amax of the widest channel over that of the median one. ``non_finite`` counts NaN, of which
    there are ``nan``, and infinities; where there are infinities alone and no range is given, ``amax`` is 0: such a
    tensor is not quantized, as one is not that is zero throughout.
    """

    amax: float
    method: str
    seen: float | None = None
    low: float | None = None
    high: float | None = None
    growth: float | None = None
    clipped: float | None = None
    spread: float | None = None
    non_finite: int = Field(0, alias="non-finite")
    nan: int = 0


class Scales(Part):
    """The content of ``scales.yaml``: symmetric ranges, per tensor, of activations; weights are in the model."""

    version: Literal[1] = Field(1, alias="trtflow-scales")
    precision: Quantized = INT8
    method: str
    percentile: float | None = None
    samples: int
    model: Origin | None = None
    data: Origin | None = None
    preprocessing: Origin | None = None
    tensors: Mapping[str, TensorScale]

    @property
    def amax(self) -> dict[str, float]:
        """Tensor → the magnitude of the largest code."""
        return {name: tensor.amax for name, tensor in self.tensors.items()}


def write_scales(scales: Scales, path: Path) -> None:
    """Write ``path``: one line a tensor, so that a pull request shows what changed."""
    document = scales.model_dump(by_alias=True, mode="json", exclude_none=True, exclude_defaults=True)
    document = {"trtflow-scales": 1, "precision": scales.precision, **document}
    for key in ("model", "data", "preprocessing"):
        if key in document:
            document[key] = Flow(document[key])
    document["tensors"] = {name: Flow(tensor) for name, tensor in document["tensors"].items()}
    write_lines(document, path)


def read_scales(path: Path) -> Scales:
    """Read and check ``path``.

    Raises:
        PlanError: the file is missing, is not YAML, or is no scales file.
    """
    return read_document(path, Scales, "trtflow-scales", 1)

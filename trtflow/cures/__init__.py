"""Cures: changes that let a network bear quantization, one module each.

A new cure of nodes is a module here and a word in the union below. One that changes the network itself is that, and a
module and a line in ``trtflow.calibration.cures`` that say where to try it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Field

from trtflow.cures.base import Adjustment, CureRecord
from trtflow.cures.clipping import Clipping
from trtflow.cures.correction import Correction
from trtflow.cures.rescaling import Rescaling

if TYPE_CHECKING:
    import onnx

NodeCure = Clipping | Correction
"""Any cure of a quantized node."""

NODE_CURES: tuple[type[NodeCure], ...] = get_args(NodeCure)
"""Those in the order in which they are tried on each node."""

Cure = Annotated[Rescaling | NodeCure, Field(discriminator="kind")]
"""Any cure, as files hold it."""


def changed(model: onnx.ModelProto, cures: Iterable[CureRecord]) -> onnx.ModelProto:
    """``model`` with what ``cures``, which must fit it, change of the network itself."""
    for cure in cures:
        model = cure.change(model)
    return model


def adjustments(cures: Iterable[CureRecord]) -> Mapping[str, Adjustment]:
    """Node → how ``cures`` have it quantized."""
    found: dict[str, Adjustment] = {}
    for cure in cures:
        found[cure.subject] = cure.adjust(found.get(cure.subject, Adjustment()))
    return found

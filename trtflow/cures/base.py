"""What every cure is: a record on disk that knows whether it fits a model, and what it does to one.

A cure changes the network, though not what it computes in FP32 (``Cure.change``), or a quantized node and nothing
else (``Cure.adjust``). Importing a cure is cheap; what needs onnx is imported where it is used.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from trtflow.plan import PrecisionPlan
from trtflow.precision import QUANTIZED, Precision
from trtflow.text import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from trtflow.cures.transfers import Transfer
    from trtflow.model.analysis import Analysis
    from trtflow.model.scopes import Scope


@dataclass(frozen=True)
class Adjustment:
    """How a node is quantized in its own way.

    ``shares``: where the largest code of its weights is, in shares of their largest magnitude, per channel or one.
    ``bias``: what is added to its bias, per output channel; empty: nothing.
    """

    shares: tuple[float, ...] = (1.0,)
    bias: tuple[float, ...] = ()


@dataclass(frozen=True)
class WeightPlace:
    """The constant weight of a node that can be quantized, and the axis of its steps (None: one for all)."""

    tensor: onnx.TensorProto
    axis: int | None


@dataclass(frozen=True)
class Host:
    """A model that cures are to fit.

    ``weights``: node → its weight, of those that can be quantized. ``transfers``: tensor → how its range can move.
    """

    analysis: Analysis
    weights: Mapping[str, WeightPlace]
    transfers: Mapping[str, Transfer]


@dataclass(frozen=True)
class HarmedNode:
    """A node that quantization to ``precision`` harms, with its constant ``weight`` as the network has it now.

    ``axis``: of the weight's channels that have a step each, if any. ``adjustment``: what the cures so far made of
    the node. ``means``: of each channel of its input, before and after the Q/DQ pair; None where nobody asked.
    """

    node: onnx.NodeProto
    weight: NDArray[np.float32]
    axis: int | None
    precision: Precision
    adjustment: Adjustment
    means: NDArray[np.float64] | None


class CureRecord(BaseModel):
    """One cure of ``subject``.

    ``before`` and ``after``: noise over signal at the end outputs with only ``nodes`` quantized.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    subject: str
    nodes: tuple[str, ...]
    before: float
    after: float

    def in_effect(self, plan: PrecisionPlan) -> bool:
        """Whether ``plan`` leaves it anything to do: what is not quantized keeps its weights and biases."""
        return plan.precision(self.subject) in QUANTIZED

    @abstractmethod
    def misfit(self, host: Host) -> str:
        """Why it does not fit ``host``; empty if it does."""

    @property
    def caveat(self) -> str:
        """What to tell where it is applied to another model than it was measured on; empty: nothing."""
        return ""

    def change(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """``model``, which it must fit, changed by it."""
        return model

    def adjust(self, adjustment: Adjustment) -> Adjustment:
        """``adjustment`` of the node ``subject``, changed by it."""
        return adjustment


class NodeCureRecord(CureRecord):
    """A cure of one quantized node, which says what it would do to one; ``trtflow.calibration`` then measures it."""

    needs_means: ClassVar[bool] = False

    @classmethod
    def suits(cls, node: onnx.NodeProto, scope: Scope) -> bool:
        """Whether ``node``, which has constant weights, can be cured so."""
        return True

    @classmethod
    @abstractmethod
    def propose(cls, harmed: HarmedNode, before: float) -> Self:
        """The cure of ``harmed``; its ``after`` is not known yet and stands at ``before``."""


def missing(cure: CureRecord, host: Host) -> str:
    """What to say of a cure of a node whose weights or bias it cannot change."""
    known = host.analysis.by_name
    if cure.subject not in known:
        return f"there is no node {cure.subject}{did_you_mean(cure.subject, known, '; ')}"
    return f"{cure.kind}: {cure.subject} has no constant weights here, or a bias that is computed"


def unlike(cure: CureRecord, own: int, given: int) -> str:
    """What to say where a node has ``own`` channels and the cure numbers for ``given``; empty where they agree."""
    return "" if own == given else f"{cure.kind}: {cure.subject} has {own} channels, the decision {given}"

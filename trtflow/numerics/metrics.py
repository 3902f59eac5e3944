"""The built-in end metrics, a row each: one number for a whole data set.

``iou`` and ``top-1`` need labels; ``iou``, ``top-1`` and ``agreement`` look at a model's first output. ``sqnr``,
``psnr`` and ``cosine`` look at every floating-point output that no selection (TopK, NMS …) decides and at the tensors
before the selection, or at each part of one (``parts``), ``matched`` at what the selection decides; all tell the
worst. Metrics without labels compare with FP32's outputs, so FP32 itself scores the best value there is.

The table loads no numpy, so that options can be checked at once; what does the sums is in ``accumulators``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trtflow.errors import MetricError
from trtflow.text import did_you_mean

if TYPE_CHECKING:
    from trtflow.numerics.accumulators import Outputs
    from trtflow.numerics.energy import Energy


class Metric(Protocol):
    """An end metric under way."""

    def update(self, outputs: Outputs, reference_outputs: Outputs, label: object = None) -> None:
        """Take in one sample: the candidate's outputs, FP32's, and the label if there is one."""

    def value(self) -> float:
        """The metric over all samples so far.

        Raises:
            MetricError: they cannot tell.
        """


@dataclass(frozen=True)
class Builtin:
    """A built-in metric: how it is written in prose, how it begins, and its direction."""

    title: str
    start: Callable[[], Metric]
    higher_is_better: bool


def _iou() -> Metric:
    from trtflow.numerics.accumulators import Iou

    return Iou()


def _share(name: str, *, labelled: bool) -> Metric:
    from trtflow.numerics.accumulators import Share

    return Share(name, labelled)


def _distance(name: str, figure: Callable[[Energy], float]) -> Metric:
    from trtflow.numerics.accumulators import Distance

    return Distance(name, figure)


def _matched() -> Metric:
    from trtflow.numerics.matched import Matched

    return Matched()


METRICS: Mapping[str, Builtin] = {
    "iou": Builtin("IoU", _iou, higher_is_better=True),
    "top-1": Builtin("Top-1", lambda: _share("top-1", labelled=True), higher_is_better=True),
    "agreement": Builtin("agreement", lambda: _share("agreement", labelled=False), higher_is_better=True),
    "sqnr": Builtin("SQNR dB", lambda: _distance("sqnr", lambda energy: energy.sqnr_db()), higher_is_better=True),
    "psnr": Builtin("PSNR dB", lambda: _distance("psnr", lambda energy: energy.psnr_db()), higher_is_better=True),
    "cosine": Builtin("Cosine", lambda: _distance("cosine", lambda energy: energy.cosine()), higher_is_better=True),
    "matched": Builtin("matched", _matched, higher_is_better=True),
}
DISTANCES = frozenset({"sqnr", "psnr", "cosine"})
"""The metrics that compare values, one by one."""
MATCHED = "matched"


def start(names: Iterable[str]) -> dict[str, Metric]:
    """A fresh accumulator for each of ``names``.

    Raises:
        MetricError: a name is not built in.
    """
    return {name: _builtin(name).start() for name in names}


def _builtin(name: str) -> Builtin:
    if name in METRICS:
        return METRICS[name]
    hint = did_you_mean(name, METRICS, "; ")
    raise MetricError(f"unknown metric {name!r}: expected one of {', '.join(METRICS)}{hint}")

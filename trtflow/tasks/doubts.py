"""Why an acceptance is not proven, a clause each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trtflow.diagnosis.checks.samples import Limits
from trtflow.files.proof import WorstSample
from trtflow.numerics.accept import Condition
from trtflow.numerics.confidence import Confidence
from trtflow.numerics.metrics import METRICS

NOTHING_UNSEEN = (
    "nothing was held out: every sample took part in the search, since there are too few, held-out is 0, or what was "
    "held out refused the plan; give more samples"
)
CALIBRATED = "the samples that judge chose the ranges, too; name others under calibration"
DISTANCES = ("sqnr", "psnr", "cosine")  # whatever samples are mixed, these are no worse than on the worst of them


@dataclass(frozen=True)
class Ground:
    """What an acceptance rests on: ``judging`` samples, ``unseen`` or not, out of so many ``distinct`` ones.

    ``calibrated``: these chose the ranges, too. ``sure`` is the confidence in each condition, by its name, ``worst``
    the worst sample by metric.
    """

    judging: int
    unseen: bool
    distinct: int
    calibrated: bool
    sure: Mapping[str, Confidence]
    worst: Mapping[str, WorstSample]

    def short(self, condition: Condition) -> bool:
        """Whether a condition may not hold on other samples."""
        return self.sure[condition.name].bound < 0


def doubts(conditions: tuple[Condition, ...], ground: Ground) -> Iterator[str]:
    """What speaks against taking the ``conditions`` as proven, the gravest first."""
    if not ground.unseen:
        yield NOTHING_UNSEEN
    if ground.calibrated:
        yield CALIBRATED
    if ground.distinct < Limits().few:
        yield f"{_samples(ground.distinct, 'different')}, where {Limits().few} are the very least; add others"
    yield from (_too_close(condition, ground) for condition in conditions if ground.short(condition))
    for condition in conditions:
        found = ground.worst.get(condition.metric)
        if found and condition.metric in DISTANCES and condition.margin(math.inf, found.value) < 0:
            value = f"{condition.metric} {found.value:.4g}"
            yield f"sample {found.sample} alone has {value}, which misses the condition and hides among the others"


def _too_close(condition: Condition, ground: Ground) -> str:
    """That a condition is met by less than samples differ, and how many would tell."""
    sure, name = ground.sure[condition.name], condition.metric
    at = f"{condition.at(sure.margin):.4g}"
    subject = f"the {condition.kind} of {name}, {at}," if condition.relative else f"{name} {at}"
    unit = " dB" if name in METRICS and METRICS[name].title.endswith("dB") else ""
    inside = f"{sure.margin * (abs(condition.bound) or 1.0):.2g}{unit}"
    bound = f"95 % bound {condition.at(sure.bound):.4g}" if math.isfinite(sure.bound) else "no 95 % bound"
    decided = f"; about {sure.needed} unseen samples would decide" if sure.needed else ""
    samples = _samples(ground.judging, "unseen" if ground.unseen else "")
    return f"{subject} is {inside} inside its bound, which {samples} cannot prove ({bound}){decided}"


def _samples(count: int, kind: str) -> str:
    return " ".join(filter(None, (str(count), kind, "sample" if count == 1 else "samples")))

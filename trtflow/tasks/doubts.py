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
from trtflow.text import counted

NOTHING_UNSEEN = (
    "nothing was held out, every sample took part in the search: there are too few, held-out is 0, or what was held "
    "out refused the plan (give more samples)"
)
CALIBRATED = "the samples that judge chose the ranges, too (name others under calibration)"
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
    few = ground.distinct < Limits().few
    if not ground.unseen and not few:
        yield NOTHING_UNSEEN
    if ground.calibrated:
        yield CALIBRATED
    if few:
        only = f"only {counted(ground.distinct, 'different sample')}{'' if ground.unseen else ', none held out'}"
        yield f"{only}, where {Limits().few} are the very least (add others)"
    yield from (_too_close(condition, ground) for condition in conditions if ground.short(condition))
    for condition in conditions:
        found = ground.worst.get(condition.metric)
        if found and condition.metric in DISTANCES and condition.margin(math.inf, found.value) < 0:
            value = f"{condition.metric} {found.value:.4g}"
            yield f"sample {found.sample} alone has {value}, which misses the condition and hides among the others"


def _too_close(condition: Condition, ground: Ground) -> str:
    """What a condition may come to on other samples, and how many would tell."""
    sure, name = ground.sure[condition.name], condition.metric
    samples = counted(ground.judging, "unseen sample" if ground.unseen else "sample")
    if not math.isfinite(sure.bound):
        return f"what {name} comes to on other samples cannot be told from {samples}{_decided(sure)}"
    subject = f"the {condition.kind} of {name}" if condition.relative else name
    found, may_be = (f"{condition.at(margin):.4g}" for margin in (sure.margin, sure.bound))
    unit = " dB" if name in METRICS and METRICS[name].title.endswith("dB") else ""
    limit = f"at {'least' if condition.kind == 'min' else 'most'} {condition.bound:g}{unit}"
    on = f"{subject} is {found}{unit} on {samples} and may be {may_be}{unit} on others"
    return f"{on} (95 % bound), where {limit} is asked for{_decided(sure)}"


def _decided(sure: Confidence) -> str:
    return f" (about {sure.needed} unseen samples would decide)" if sure.needed else ""

"""Whether an acceptance is proven: measured on samples that no choice saw, and met by more than samples differ."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from trtflow.data import Sample
from trtflow.errors import MetricError
from trtflow.files.proof import Proof, Unseen, WorstSample
from trtflow.files.search import SearchDocument
from trtflow.numerics.accept import Condition
from trtflow.numerics.confidence import Confidence, jackknife, rule_of_three, subsets
from trtflow.numerics.decisions import decide
from trtflow.numerics.metrics import METRICS
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.outputs import Kept
from trtflow.tasks.documents import Documents
from trtflow.tasks.doubts import Ground, doubts


def prove(
    evaluator: Evaluator,
    outputs: Kept,
    searches: Iterable[SearchDocument] = (),
    *,
    accepted: bool,
    calibrated: bool = False,
) -> Proof:
    """How far the verdict ``accepted`` over all samples reaches, by a candidate's ``outputs`` on them.

    ``searches`` tell which samples they left unseen; ``calibrated``: ranges were chosen on all of them.
    """
    digests = [_digest(sample) for sample in evaluator.samples]
    places = _unseen_places(digests, searches)
    unseen = _unseen(evaluator, outputs, places)
    judging = unseen.places if unseen else tuple(range(len(outputs)))
    sure = _confidences(evaluator.over(judging), outputs.at(judging))
    worst = dict(_worst(evaluator.builtin(), outputs))
    ground = Ground(len(judging), unseen is not None, len(set(digests)), calibrated, sure, worst)
    conditions = evaluator.accept.conditions
    lacking = tuple(doubts(conditions, ground))
    holds = accepted and (unseen is None or unseen.accepted)
    needed = (sure[condition.name].needed or 0 for condition in conditions if ground.short(condition))
    return Proof(
        accepted=holds,
        unseen=unseen,
        worst=worst,
        bounds={name: confidence.bound for name, confidence in sure.items()},
        proven=holds and not lacking,
        why_not_proven="; ".join(lacking) if holds else "",
        deciding_samples=max(needed, default=0) or None if holds else None,
    )


def proof_marks(documents: Documents) -> Iterator[str]:
    """What an acceptance lacks to be proven."""
    if documents.verdict and documents.verdict.why_not_proven:
        yield f"not proven: {documents.verdict.why_not_proven}"


def _unseen_places(digests: Sequence[str], searches: Iterable[SearchDocument]) -> tuple[int, ...]:
    """What all of ``searches`` left unseen, without what repeats a sample that one of them saw."""
    found = [set(search.unseen) for search in searches]
    unseen = set.intersection(*found) if found else set[int]()
    seen = {digest for place, digest in enumerate(digests) if place not in unseen}
    return tuple(place for place in sorted(unseen) if digests[place] not in seen)


def _digest(sample: Sample) -> str:
    arrays = (f"{name} {array.shape}".encode() + array.tobytes() for name, array in sorted(sample.feed.items()))
    return hashlib.sha256(b"".join(arrays)).hexdigest()


def _unseen(evaluator: Evaluator, outputs: Kept, places: tuple[int, ...]) -> Unseen | None:
    """The verdict on the samples at ``places``, where there are any on which the metrics can tell."""
    if not places:
        return None
    try:
        reference = evaluator.subset(places).metrics
        candidate = evaluator.score(outputs.at(places), places).metrics
    except MetricError:  # masks without a foreground, say
        return None
    verdict = evaluator.accept.judge(reference, candidate)
    return Unseen(
        places=places, accepted=verdict.accepted, reference=reference, candidate=candidate, margins=verdict.margins
    )


def _confidences(part: Evaluator, outputs: Kept) -> dict[str, Confidence]:
    """By the name of each condition, over all samples of ``part``."""
    relative = any(condition.relative for condition in part.accept.conditions)

    def margins(places: Sequence[int]) -> Mapping[str, float]:
        try:
            reference = part.subset(places) if relative else part.reference
            candidate = part.score(outputs.at(places), places)
            return part.accept.judge(reference.metrics, candidate.metrics).margins
        except MetricError:  # on so few samples the metric cannot tell
            return {}

    count = len(outputs)
    whole, others = margins(range(count)), [margins(places) for places in subsets(count)]

    def confidence(condition: Condition) -> Confidence:
        name = condition.name
        found = jackknife(whole.get(name, math.nan), [other.get(name, math.nan) for other in others], count)
        if found.bound == found.margin and _decides_once(part, condition.metric):
            return rule_of_three(found.margin, count, abs(condition.bound) or 1.0)
        return found

    return {condition.name: confidence(condition) for condition in part.accept.conditions}


def _decides_once(part: Evaluator, metric: str) -> bool:
    """Whether a metric is a share of samples, right or wrong each; the user's own may be, where it lies in [0, 1]."""
    if metric not in METRICS:
        return 0 <= part.reference.metrics[metric] <= 1
    if metric not in ("top-1", "agreement"):
        return False
    first = next(iter(part.expected[0].values()))
    label = part.samples[0].label if metric == "top-1" else None
    return decide(first, first, None if label is None else np.asarray(label)).size == 1


def _worst(evaluator: Evaluator, outputs: Kept) -> Iterator[tuple[str, WorstSample]]:
    """The worst sample by each built-in metric among the conditions; none where all samples are alike."""
    alone: dict[str, dict[int, float]] = {name: {} for name in evaluator.accept.metrics if name in METRICS}
    for place, output in enumerate(outputs):
        try:
            found = evaluator.score([output], [place]).metrics
        except MetricError:  # a mask without a foreground, say
            continue
        for name, values in alone.items():
            if not math.isnan(found.get(name, math.nan)):
                values[place] = found[name]
    for name, values in alone.items():
        if len(set(values.values())) > 1:
            worst = (min if METRICS[name].higher_is_better else max)(values, key=values.__getitem__)
            yield name, WorstSample(value=values[worst], sample=worst)

"""R17 and R18 of the samples that judge: do they look like what the network is for, and are there enough of them?

Nothing here refuses: samples that judge badly make a verdict that reaches less far, and a reader who must know it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from trtflow.diagnosis.checks.inputs import NOISE
from trtflow.diagnosis.checks.kinds import Kind
from trtflow.diagnosis.checks.reach import Reach
from trtflow.files.checks import Check
from trtflow.numerics.inputs import InputStatistics

FEW = 4  # different samples from which on some can be held out of a search
TOLD = 1000  # values in which a correlation of 0.1 is no accident
SHORT = 8.0  # times below what the network's input reaches at least


@dataclass(frozen=True)
class Fed:
    """One input: what it is fed, what the network takes it for, and how far it must reach; None where unknown."""

    seen: InputStatistics
    kind: Kind | None = None
    reach: Reach | None = None


def counted(inputs: Iterable[InputStatistics]) -> tuple[int, int]:
    """How many samples there are, and how many of them differ; inputs that a whole batch shares do not count."""
    digests = [seen.digests for seen in inputs]
    most = max(map(len, digests), default=0)
    return most, len(set(zip(*(found for found in digests if len(found) == most), strict=True)))


def check_evaluation(inputs: Mapping[str, Fed]) -> Iterator[Check]:
    """R17 for each input, R18 for the samples; ``inputs`` by name, all over the same samples; nothing of none."""
    if not inputs:
        return
    yield _enough(*counted(fed.seen for fed in inputs.values()))
    if all(fed.seen.whole.is_constant for fed in inputs.values()):
        values = ", ".join(f"{name!r} is {fed.seen.whole.low:.4g} throughout" for name, fed in inputs.items())
        sentence = f"no input ever changes ({values}): what holds there says nothing of data that vary"
        yield Check("R18", "constant", "warn", sentence)
        return
    for name, fed in inputs.items():
        yield from _real(name, fed)


def _enough(samples: int, different: int) -> Check:
    evidence = {"samples": samples, "distinct": different}
    if different < FEW:
        some = "1 sample" if different == 1 else f"{different} different samples"
        sentence = f"{some}, where {FEW} are needed to hold any out: add samples that differ as the real ones do"
        return Check("R18", "samples", "warn", sentence, evidence)
    if samples - different > 0.1 * samples:
        sentence = f"{samples - different} of {samples} samples repeat others: only {different} judge"
        return Check("R18", "samples", "warn", sentence, evidence)
    return Check("R18", "samples", "ok", f"{different} different samples", evidence)


def _real(name: str, fed: Fed) -> Iterator[Check]:
    evidence = {"samples": fed.seen.samples, "smoothness": fed.seen.smoothness, "amax": fed.seen.whole.amax}
    doubts = [*_noise(name, fed), *_scale(name, fed)]
    yield from (Check("R17", name, "warn", doubt, evidence) for doubt in doubts)
    if not doubts:
        yield Check("R17", name, "ok", _ok(name, fed), evidence)


def _noise(name: str, fed: Fed) -> Iterator[str]:
    seen = fed.seen
    if fed.kind and seen.correlations and seen.whole.count >= TOLD and abs(seen.smoothness) < NOISE:
        yield (
            f"input {name!r} is read as a {fed.kind} but looks like noise (neighbours correlate by "
            f"{abs(seen.smoothness):.2f}, {_samples(seen.samples)}): what holds on it says nothing of real data"
        )


def _scale(name: str, fed: Fed) -> Iterator[str]:
    whole = fed.seen.whole
    if fed.reach and whole.amax * SHORT < fed.reach.amax:
        yield (
            f"input {name!r} lies between {whole.low:.4g} and {whole.high:.4g}, but {fed.reach.why}: it is scaled "
            "differently from what the network was made for"
        )


def _ok(name: str, fed: Fed) -> str:
    if fed.kind is None:
        return f"input {name!r} is not judged: nothing says what it looks like"
    return f"input {name!r} is a {fed.kind} (neighbours correlate by {abs(fed.seen.smoothness):.2f})"


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count} samples"

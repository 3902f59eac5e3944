"""R18 and R19: are there enough and diverse samples, does every tensor live, and do the ranges cover inference?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from trtflow.files.checks import Check
from trtflow.files.scales import TensorScale
from trtflow.numerics.inputs import InputStatistics
from trtflow.numerics.ranges import TensorRange


@dataclass(frozen=True)
class Limits:
    """Where the checks draw their lines.

    ``few`` different samples at least; ``enough`` of them meet the usual advice. ``growing``: the share of amax that
    half of the samples may miss. ``uncovered``: amax in inference over the calibrated one.
    """

    few: int = 8
    enough: int = 100
    growing: float = 0.05
    uncovered: float = 1.25


def check_samples(
    inputs: Mapping[str, InputStatistics], scales: Mapping[str, TensorScale], limits: Limits = Limits()
) -> Iterator[Check]:
    """R18: how many samples there are, whether they differ, and whether more would widen the ranges."""
    samples = max((seen.samples for seen in inputs.values()), default=0)
    distinct = samples - min((seen.duplicates for seen in inputs.values()), default=0)
    grows = [scale.growth or 0.0 for scale in scales.values() if scale.seen]
    growth = median(grows) if grows else 0.0
    evidence = {"samples": samples, "distinct": distinct, "growth": growth}
    if distinct < limits.few:
        sentence = (
            f"{distinct} different samples; expected {limits.few} at the very least, {limits.enough} for confidence: "
            "add samples that differ as the inference inputs do"
        )
        yield Check("R18", "samples", "refuse", sentence, evidence)
        return
    if samples - distinct > 0.1 * samples:
        yield Check("R18", "duplicates", "warn", f"{samples - distinct} of {samples} samples repeat others", evidence)
    more = f"half of the samples would have missed {growth:.1%} of the range in a typical tensor"
    if growth > limits.growing:
        yield Check("R18", "samples", "warn", f"the ranges are still growing: {more}; add samples", evidence)
    elif not grows:
        yield Check("R18", "samples", "ok", f"{distinct} different samples", evidence)
    elif distinct < limits.enough:
        yield Check("R18", "samples", "ok", f"{distinct} samples are few, but {more}", evidence)
    else:
        yield Check("R18", "samples", "ok", f"{distinct} different samples; {more}", evidence)


def check_tensors(scales: Mapping[str, TensorScale]) -> Iterator[Check]:
    """R18 for single tensors: values that are not finite, and tensors that never change."""
    unheld = {name: scale.non_finite for name, scale in scales.items() if scale.non_finite}
    broken = {name: count for name, count in unheld.items() if scales[name].nan or scales[name].amax}
    infinite = {name: count for name, count in unheld.items() if name not in broken}
    if broken:
        name = next(iter(broken))
        sentence = f"{len(broken)} tensors hold NaN or infinity, first {name}: mend the model or its inputs first"
        yield Check("R18", "non-finite", "refuse", sentence, {"tensors": broken})
    if infinite:
        sentence = (
            f"{len(infinite)} tensors hold infinity in FP32, first {next(iter(infinite))}: no code stands for that, "
            "so they are not quantized. A mask of -inf may mean it; else mend the model or its inputs"
        )
        yield Check("R18", "infinite", "warn", sentence, {"tensors": infinite})
    whole = {name: scale for name, scale in scales.items() if name not in unheld}
    dead = [name for name, scale in whole.items() if not scale.seen]
    constant = [name for name, scale in whole.items() if scale.seen and scale.low == scale.high]
    if dead:
        sentence = f"{len(dead)} tensors are zero throughout, first {dead[0]}: they are not quantized"
        yield Check("R18", "dead", "warn", sentence, {"tensors": dead})
    if constant:
        sentence = f"{len(constant)} tensors never change, first {constant[0]}: their range comes from one value"
        yield Check("R18", "constant", "warn", sentence, {"tensors": constant})
    if scales and not (unheld or dead or constant):
        yield Check("R18", "tensors", "ok", f"all {len(scales)} tensors are finite and vary")


def check_classes(calibration: Collection[Any], inference: Collection[Any]) -> Iterator[Check]:
    """R18: whether every class of the evaluation labels is among those of the calibration samples."""
    missing = sorted(set(inference) - set(calibration), key=str)
    evidence = {"calibration": sorted(calibration, key=str), "missing": missing}
    if missing:
        sentence = f"{len(missing)} of {len(set(inference))} classes occur in no calibration sample: {missing[:5]}"
        yield Check("R18", "classes", "warn", sentence, evidence)
    else:
        yield Check("R18", "classes", "ok", f"all {len(set(inference))} classes occur in calibration", evidence)


def check_coverage(
    scales: Mapping[str, TensorScale], inference: Mapping[str, TensorRange], limits: Limits = Limits()
) -> Iterator[Check]:
    """R19: tensors that reach further in inference than any calibration sample did."""
    calibrated = {name: scales[name].seen for name in inference}
    reach = {name: inference[name].amax / amax for name, amax in calibrated.items() if amax}
    beyond = {name: ratio for name, ratio in reach.items() if ratio > limits.uncovered}
    covered = 1 - len(beyond) / len(reach) if reach else 1.0
    evidence = {"covered": covered, "beyond": dict(sorted(beyond.items(), key=lambda item: -item[1])[:10])}
    if beyond:
        worst = max(beyond, key=beyond.__getitem__)
        sentence = (
            f"{len(beyond)} of {len(reach)} tensors reach beyond the calibration samples in inference, {worst} by "
            f"{beyond[worst]:.1f} times: add samples like those"
        )
        yield Check("R19", "coverage", "refuse" if covered < 0.5 else "warn", sentence, evidence)
    elif reach:
        yield Check(
            "R19", "coverage", "ok", f"the samples cover what {len(reach)} tensors reach in inference", evidence
        )

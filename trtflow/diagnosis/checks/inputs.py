"""R17: is the calibration input preprocessed as the inference input?

What no two choices of the same data would show (another scale, another layout) is refused. What they hardly would,
given how much samples differ among themselves, is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log
from statistics import fmean, variance
from typing import Any

from trtflow.files.checks import Check
from trtflow.numerics.inputs import InputStatistics
from trtflow.numerics.ranges import TensorRange

RATIO = 4.0  # of amax or standard deviation, calibration against inference
SHIFT = 1.0  # standard deviations between the means
NEGATIVE = 0.05  # share of amax below zero that makes an input a signed one
DRIFT = 1.25  # of the typical standard deviation, and 0.25 of it between typical means, to be worth a warning
ERRORS = 4.0  # standard errors that a drift must exceed
NOISE, SIGNAL = 0.1, 0.5  # correlations of neighbours in noise, and in what it stands in for


def check_inputs(
    calibration: Mapping[str, InputStatistics], inference: Mapping[str, InputStatistics]
) -> Iterator[Check]:
    """R17 for each input that both sets feed."""
    for name, fed in calibration.items():
        expected = inference[name]
        evidence = _side_by_side(fed, expected)
        problem = _layout(fed, expected) or _noise(fed, expected) or _scale(fed, expected) or _order(fed, expected)
        if problem:
            yield Check("R17", name, "refuse", problem, evidence)
        elif drift := _drift(fed.moments, expected.moments):
            yield Check("R17", name, "warn", drift, evidence)
        else:
            yield Check(
                "R17", name, "ok", f"calibration inputs are like inference inputs: {_both(fed, expected)}", evidence
            )


def _both(fed: InputStatistics, expected: InputStatistics) -> str:
    a, b = fed.whole, expected.whole
    return (
        f"mean {a.mean:.4g} and {b.mean:.4g}, std {a.std:.4g} and {b.std:.4g}, "
        f"range {a.low:.4g} to {a.high:.4g} and {b.low:.4g} to {b.high:.4g}"
    )


def _scale(fed: InputStatistics, expected: InputStatistics) -> str:
    a, b = fed.whole, expected.whole
    ratio = _ratio(a.amax, b.amax)
    if 200 < max(ratio, 1 / ratio) < 300:
        low, high = ("calibration", "inference") if ratio < 1 else ("inference", "calibration")
        cure = "divide by" if ratio > 1 else "multiply by"
        what = "0-255 and the other 0-1" if max(a.amax, b.amax) < 300 else "divided by 255 and the other is not"
        return (
            f"{high} inputs reach {max(a.amax, b.amax):.4g} and {low} inputs {min(a.amax, b.amax):.4g}: one is "
            f"{what}; {cure} 255 in the calibration data"
        )
    spread = _ratio(a.std, b.std)
    if max(ratio, 1 / ratio) > RATIO or max(spread, 1 / spread) > RATIO:
        return (
            f"calibration inputs reach {a.amax:.4g} (std {a.std:.4g}), inference inputs {b.amax:.4g} (std "
            f"{b.std:.4g}): they are scaled differently"
        )
    signed = [part.low < -NEGATIVE * part.amax for part in (a, b)]
    if signed[0] != signed[1] and min(a.low, b.low) < 0 <= max(a.low, b.low):
        return (
            f"calibration inputs begin at {a.low:.4g} and inference inputs at {b.low:.4g}: one is normalised and the "
            "other is not"
        )
    shift = abs(a.mean - b.mean) / max(a.std, b.std, 1e-30)
    if shift > SHIFT:
        return (
            f"the mean is {a.mean:.4g} in calibration and {b.mean:.4g} in inference, {shift:.1f} standard deviations "
            "apart: one is normalised and the other is not"
        )
    return ""


def _ratio(a: float, b: float) -> float:
    return max(a, 1e-30) / max(b, 1e-30)


def _layout(fed: InputStatistics, expected: InputStatistics) -> str:
    if fed.axis != expected.axis and {fed.axis, expected.axis} != {None}:
        return (
            f"calibration inputs have the shape {fed.shapes[0]}, inference inputs {expected.shapes[0]}: NCHW and NHWC"
        )
    return ""


def _order(fed: InputStatistics, expected: InputStatistics) -> str:
    """Channels in reverse fit far better: BGR against RGB."""
    means, wanted = [c.mean for c in fed.channels], [c.mean for c in expected.channels]
    if len(means) < 3 or len(means) != len(wanted):
        return ""
    straight = sum(abs(m - w) for m, w in zip(means, wanted, strict=True))
    reverse = sum(abs(m - w) for m, w in zip(means[::-1], wanted, strict=True))
    if straight > 0.3 * expected.whole.std and reverse < straight / 4:
        return "the channels' means fit in reverse order only: RGB and BGR are swapped"
    return ""


def _noise(fed: InputStatistics, expected: InputStatistics) -> str:
    """One of the two sets says nothing of the other: it never varies, or looks like noise."""
    sets = (("calibration", fed, "inference", expected), ("inference", expected, "calibration", fed))
    for name, suspect, other, real in sets:
        if suspect.whole.is_constant and not real.whole.is_constant:
            return f"{name} inputs are {suspect.whole.low:.4g} throughout, {other} inputs vary; use real samples"
        if abs(suspect.smoothness) < NOISE and abs(real.smoothness) > SIGNAL:
            return (
                f"neighbouring values correlate by {suspect.smoothness:.2f} in {name} and {real.smoothness:.2f} in "
                f"{other}: {name} runs on noise, which says nothing of real data; use real samples"
            )
    return ""


def _drift(fed: Sequence[tuple[float, float]], expected: Sequence[tuple[float, float]]) -> str:
    """The typical sample has another mean or spread, by more than samples differ among themselves."""
    deviations = [[std for _, std in moments if std > 0] for moments in (fed, expected)]
    if min(map(len, (*deviations, fed, expected))) < 2:
        return ""
    spreads = [[log(std) for std in stds] for stds in deviations]
    means = [[mean for mean, _ in moments] for moments in (fed, expected)]
    unit = fmean(deviations[1])
    if _apart(*spreads) > log(DRIFT):
        typical = [fmean(stds) for stds in deviations]
        return (
            f"a calibration sample has a standard deviation of {typical[0]:.4g}, an inference sample {typical[1]:.4g}"
            + _ASK
        )
    if _apart(*means) > (DRIFT - 1) * unit:
        typical = [fmean(of_set) for of_set in means]
        return f"a calibration sample has a mean of {typical[0]:.4g}, an inference sample {typical[1]:.4g}" + _ASK
    return ""


_ASK = ", more apart than samples are among themselves: are they normalised by the same constants?"


def _apart(first: Sequence[float], second: Sequence[float]) -> float:
    """How far the means lie apart; 0 where that is within ``ERRORS`` standard errors (Welch)."""
    gap = abs(fmean(first) - fmean(second))
    error = (variance(first) / len(first) + variance(second) / len(second)) ** 0.5
    return gap if gap > ERRORS * error else 0.0


def _side_by_side(fed: InputStatistics, expected: InputStatistics) -> dict[str, Any]:
    return {"calibration": _numbers(fed), "inference": _numbers(expected)}


def _numbers(seen: InputStatistics) -> dict[str, Any]:
    return {
        "shape": list(seen.shapes[0]),
        "samples": seen.samples,
        **_moments(seen.whole),
        "smoothness": seen.smoothness,
        "channels": [_moments(channel) for channel in seen.channels],
    }


def _moments(seen: TensorRange) -> dict[str, float]:
    return {"mean": seen.mean, "std": seen.std, "min": seen.low, "max": seen.high}

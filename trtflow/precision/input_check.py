"""R17: is the calibration input preprocessed as the inference input?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trtflow.numerics.inputs import InputStatistics
from trtflow.numerics.ranges import TensorRange
from trtflow.precision.check import Check

RATIO = 4.0  # of amax or standard deviation, calibration against inference
SHIFT = 1.0  # standard deviations between the means
NEGATIVE = 0.05  # share of amax below zero that makes an input a signed one
NOISE, SIGNAL = 0.1, 0.5  # correlations of neighbours in noise, and in what it stands in for


def check_inputs(
    calibration: Mapping[str, InputStatistics], inference: Mapping[str, InputStatistics]
) -> Iterator[Check]:
    """R17 for each input that both sets feed."""
    for name, fed in calibration.items():
        expected = inference[name]
        problem = _scale(fed, expected) or _layout(fed, expected) or _order(fed, expected) or _noise(fed, expected)
        sentence = problem or "calibration and inference inputs have the same statistics"
        yield Check("R17", name, "refuse" if problem else "ok", sentence, _side_by_side(fed, expected))


def _scale(fed: InputStatistics, expected: InputStatistics) -> str:
    a, b = fed.whole, expected.whole
    ratio = _ratio(a.amax, b.amax)
    if 200 < max(ratio, 1 / ratio) < 300:
        low, high = ("calibration", "inference") if ratio < 1 else ("inference", "calibration")
        cure = "divide by" if ratio > 1 else "multiply by"
        return (
            f"{high} inputs reach {max(a.amax, b.amax):.4g} and {low} inputs {min(a.amax, b.amax):.4g}: one is "
            f"0-255 and the other 0-1; {cure} 255 in the calibration data"
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
    if abs(fed.smoothness) < NOISE and expected.smoothness > SIGNAL:
        return (
            f"neighbouring values correlate by {fed.smoothness:.2f} in calibration and {expected.smoothness:.2f} in "
            "inference: calibration runs on noise, whose ranges say nothing; use real samples"
        )
    return ""


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

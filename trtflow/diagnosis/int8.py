"""Why nodes lose accuracy in INT8 or FP8: rules over ranges, the FP32 run's statistics and constants, one row a rule.

Arithmetic behind the bounds: INT8 has 127 steps of equal size up to amax, so a tensor whose values are mostly 30
times smaller has 4 of them left; 20 dB of signal over noise is a tenth of the values' size. FP8 has an exponent: it
clips as INT8 does, but small values keep their digits. As for FP16, what a rule says is an explanation; which nodes
are left out is decided by measurement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from trtflow.diagnosis.fp16 import Statistics, figures_of
from trtflow.files.findings import Finding
from trtflow.files.scales import TensorScale
from trtflow.numerics.sketch import Sketch, Use, use
from trtflow.precision import INT8, QUANTIZED, ROWS, Precision, Quantized

AUDIBLE_DB = 30.0  # noise below is not worth a word
LOUD_DB = 20.0  # noise above explains a loss by itself
CLIPPED = 1e-3  # share of values beyond the range
REACH = 2.0  # the largest value over the range
OUTLIERS = 20.0  # the range over the p99.9 of magnitudes
CROWDED = 0.9  # share of values in the codes next to zero
SPREAD = 32.0  # the widest channel over the median one
UNLIKE = 16.0  # the widest branch over the narrowest


@dataclass(frozen=True)
class WeightFacts:
    """A constant operand: the widest channel over the median one, and whether each channel has a scale."""

    name: str
    spread: float
    per_channel: bool


@dataclass(frozen=True)
class Joint:
    """A tensor in which several meet: ``op`` (Concat, Add) made it of ``branches``."""

    tensor: str
    op: str
    branches: tuple[str, ...]


@dataclass(frozen=True)
class SiteFacts:
    """What the rules need to know of a node that can be quantized: what gets a scale, and what meets there."""

    node: str
    tensors: tuple[str, ...]
    weights: tuple[WeightFacts, ...] = ()
    joints: tuple[Joint, ...] = ()


@dataclass(frozen=True)
class Numbers:
    """What was measured: the scales, the statistics of the FP32 run, and the format that the scales are for."""

    scales: Mapping[str, TensorScale]
    statistics: Statistics
    precision: Quantized = INT8

    @property
    def codes(self) -> int:
        """How many codes, of either sign, lie between zero and amax."""
        return int(ROWS[self.precision].largest)

    def used(self, tensor: str) -> Use | None:
        """What the scale of ``tensor`` makes of it; None where either is unknown, or nothing can be said."""
        scale = self.scales.get(tensor)
        found = figures_of(self.statistics, tensor)
        if scale is None or not (scale.amax > 0 and found.ref_amax > 0) or found.ref_inf:
            return None
        known = found.ref_quantiles
        if scale.clipped:
            known[1 - scale.clipped] = scale.amax
        rising = zip(sorted({*known, 1.0}), sorted([*known.values(), found.ref_amax]), strict=True)
        sketch = Sketch(tuple(rising), found.ref_zeros_share, found.ref_rms, found.ref_min < 0)
        return use(sketch, scale.amax, self.precision)

    def finding(self, code: str, node: str, text: str, evidence: Mapping[str, float | str], certain: bool) -> Finding:
        """A finding against the format."""
        return Finding(code, node, text, evidence, certain, self.precision)


Rule = Callable[[SiteFacts, Numbers], Finding | None]


def diagnose(sites: Iterable[SiteFacts], numbers: Numbers) -> list[Finding]:
    """All findings, in the order of the sites; for each site in the order of the rules."""
    rules = [rule for rule, formats in _RULES if numbers.precision in formats]
    found = (rule(site, numbers) for site in sites for rule in rules)
    return [finding for finding in found if finding is not None]


def _dead(site: SiteFacts, numbers: Numbers) -> Finding | None:
    for tensor in site.tensors:
        scale = numbers.scales.get(tensor)
        if scale is not None and not scale.amax > 0:
            text = f"{tensor} is zero in all calibration samples: no scale can be had for it"
            return numbers.finding("R18", site.node, text, {"tensor": tensor, "amax": scale.amax}, certain=True)
    return None


def _clipping(site: SiteFacts, numbers: Numbers) -> Finding | None:
    for tensor in site.tensors:
        used = numbers.used(tensor)
        if used is None or used.clipping_db >= AUDIBLE_DB:
            continue
        scale = numbers.scales[tensor]
        reach = max(scale.seen or 0.0, figures_of(numbers.statistics, tensor).ref_amax)
        clipped = scale.clipped or used.beyond
        if clipped > CLIPPED or reach > REACH * scale.amax:
            text = (
                f"{_percent(clipped)} of the values of {tensor} lie beyond its range of {scale.amax:.5g} and reach "
                f"up to {reach:.5g}: clipping alone leaves a signal of {used.clipping_db:.0f} dB"
            )
            evidence: dict[str, float | str] = {
                "tensor": tensor, "clipped": clipped, "amax": scale.amax, "seen": reach, "sqnr": used.clipping_db,
            }  # fmt: skip
            return numbers.finding("R19", site.node, text, evidence, certain=used.clipping_db < LOUD_DB)
    return None


def _unlike_branches(site: SiteFacts, numbers: Numbers) -> Finding | None:
    for joint in site.joints:
        ranges = {name: figures_of(numbers.statistics, name).ref_amax for name in joint.branches}
        live = sorted((name for name, amax in ranges.items() if 0 < amax < math.inf), key=ranges.__getitem__)
        if len(live) > 1 and ranges[live[-1]] > UNLIKE * ranges[live[0]]:
            narrow, wide = live[0], live[-1]
            kept = numbers.codes * ranges[narrow] / ranges[wide]
            text = (
                f"{joint.tensor} joins ({joint.op}) {wide}, which reaches {ranges[wide]:.5g}, and {narrow}, which "
                f"reaches {ranges[narrow]:.5g}: one scale leaves it {kept:.1f} of {numbers.codes} codes"
            )
            evidence: dict[str, float | str] = {
                "tensor": joint.tensor, "wide": ranges[wide], "narrow": ranges[narrow], "branch": narrow,
            }  # fmt: skip
            return numbers.finding("R22", site.node, text, evidence, certain=False)
    return None


def _unequal_weights(site: SiteFacts, numbers: Numbers) -> Finding | None:
    for weight in site.weights:
        if not weight.per_channel and weight.spread > SPREAD:
            text = _uneven(weight.name, weight.spread, numbers.codes)
            evidence: dict[str, float | str] = {"constant": weight.name, "spread": weight.spread}
            return numbers.finding("R21", site.node, text, evidence, certain=False)
    return None


def _unequal_channels(site: SiteFacts, numbers: Numbers) -> Finding | None:
    for tensor in site.tensors:
        scale = numbers.scales.get(tensor)
        if scale is not None and scale.spread is not None and scale.spread > SPREAD:
            text = _uneven(tensor, scale.spread, numbers.codes)
            evidence: dict[str, float | str] = {"tensor": tensor, "spread": scale.spread, "amax": scale.amax}
            return numbers.finding("R21", site.node, text, evidence, certain=False)
    return None


def _uneven(name: str, ratio: float, codes: int) -> str:
    return (
        f"the widest channel of {name} is {ratio:.3g} times the median one: the scale that serves both leaves the "
        f"latter {codes / ratio:.1f} of {codes} codes"
    )


def _starvation(site: SiteFacts, numbers: Numbers) -> Finding | None:
    for tensor in site.tensors:
        used = numbers.used(tensor)
        if used is None:
            continue
        amax, usual = numbers.scales[tensor].amax, figures_of(numbers.statistics, tensor).ref_p99_9
        certain = used.rounding_db < LOUD_DB or used.crowded > CROWDED
        if certain or 0 < OUTLIERS * usual < amax:
            text = (
                f"the codes of {tensor} reach to {amax:.5g}, 99.9 % of its values only to {usual:.5g}, and "
                f"{_percent(used.crowded)} of those that are not zero share the codes next to it: rounding alone "
                f"leaves a signal of {used.rounding_db:.0f} dB"
            )
            evidence: dict[str, float | str] = {
                "tensor": tensor, "amax": amax, "p99.9": usual, "crowded": used.crowded, "sqnr": used.rounding_db,
            }  # fmt: skip
            return numbers.finding("R20", site.node, text, evidence, certain)
    return None


def _percent(share: float) -> str:
    return f"{share:.3g}" if 0 < share < 1e-6 else f"{share:.2%}" if share < 0.01 else f"{share:.0%}"


_BOTH, _UNIFORM = QUANTIZED, frozenset(precision for precision in QUANTIZED if ROWS[precision].uniform)
_RULES: tuple[tuple[Rule, frozenset[Precision]], ...] = (
    (_dead, _BOTH),
    (_clipping, _BOTH),
    (_unlike_branches, _UNIFORM),  # the cause before the symptom: what follows may come of it
    (_unequal_weights, _UNIFORM),
    (_unequal_channels, _UNIFORM),
    (_starvation, _UNIFORM),
)

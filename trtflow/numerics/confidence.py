"""How far a margin over a few samples can be trusted: what it is at least, with a one-sided confidence of 95 %.

The delete-a-group jackknife (P. S. Kott, "The Delete-a-Group Jackknife", Journal of Official Statistics 17 (2001),
521-526; K. M. Wolter, Introduction to Variance Estimation, 2nd ed., chapter 4): a figure θ over all samples and θ₍g₎
over all but group g of G have

    SE² = (G - 1)/G · Σ (θ₍g₎ - mean θ₍g₎)²        bound = θ - t(0.95, G - 1)·SE

It asks nothing of the figure but that it can be computed over any samples, so that it serves ratios, decibels and the
user's own metrics alike. Where candidate and reference are left out together, it is paired.

Where samples decide yes or no and none differs, there is no spread to go by. Then the share of those that would
differ is below 3/n with 95 % confidence (the rule of three: Hanley and Lippman-Hand, JAMA 249 (1983), 1743-1745).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

GROUPS = 20

# Student's t at 0.95 for 1 to 19 degrees of freedom: NIST/SEMATECH e-Handbook, 1.3.6.7.2.
# fmt: off
_T = (
    6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812,
    1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729,
)
# fmt: on


@dataclass(frozen=True)
class Confidence:
    """A margin and its lower bound, in the same units; ``-inf`` where the samples tell none.

    ``needed`` samples like these would bring the bound to 0; None where no number would, or nobody knows.
    """

    margin: float
    bound: float
    needed: int | None = None


def subsets(count: int) -> tuple[tuple[int, ...], ...]:
    """The places of ``count`` samples without one group after the other; nothing where one sample is all."""
    if count < 2:
        return ()
    groups = min(count, GROUPS)
    return tuple(tuple(place for place in range(count) if place % groups != group) for group in range(groups))


def jackknife(margin: float, others: Sequence[float], count: int) -> Confidence:
    """The confidence in ``margin`` over ``count`` samples; ``others`` are the margins over their ``subsets``."""
    if others and all(other == margin for other in others):
        return Confidence(margin, margin)
    if not others or not all(map(math.isfinite, (margin, *others))):
        return Confidence(margin, -math.inf)
    groups, mean = len(others), math.fsum(others) / len(others)
    error = math.sqrt((groups - 1) / groups * math.fsum((other - mean) ** 2 for other in others))
    return Confidence(margin, margin - _T[groups - 2] * error, _needed(margin, error, count))


def rule_of_three(margin: float, count: int, unit: float = 1.0) -> Confidence:
    """The confidence in ``margin``, in units of ``unit`` of a share, where none of ``count`` samples differs."""
    return Confidence(margin, margin - 3 / count / unit, _two_digits(3 / (margin * unit)) if margin > 0 else None)


def _needed(margin: float, error: float, count: int) -> int | None:
    """How many samples bring t·SE down to ``margin``: SE falls with √n, and t with the number of groups."""
    if margin <= 0:
        return None
    few = range(2, GROUPS)
    enough = (number for number in few if _T[number - 2] * error * math.sqrt(count / number) <= margin)
    return next(enough, None) or _two_digits(count * (_T[-1] * error / margin) ** 2)


def _two_digits(number: float) -> int:
    """``number`` rounded up to two digits."""
    step = 10 ** max(0, math.floor(math.log10(number)) - 1) if number > 0 else 1
    return math.ceil(number / step - 1e-9) * step

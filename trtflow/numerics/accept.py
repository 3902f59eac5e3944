"""The ``accept`` map: which end metrics a candidate must reach to be taken.

{iou: {drop: 0.005}}     iou may lie at most 0.005 below FP32's     (higher is better)
{loss: {rise: 0.01}}     loss may lie at most 0.01 above FP32's     (lower is better)
{sqnr: {min: 30}}        sqnr must be at least 30, whatever FP32 has
{latency: {max: 2}}      latency must be at most 2

All conditions must hold. A NaN never holds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from trtflow.errors import ConfigError, MetricError
from trtflow.numerics.metrics import METRICS
from trtflow.text import did_you_mean

Kind = Literal["drop", "rise", "min", "max"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# 0.951 - 0.946 is 0.0050000000000000044 in binary: a bound written in decimals is met up to this much.
_DECIMAL_SLACK = 1e-12


@dataclass(frozen=True)
class Condition:
    """One bound on one metric."""

    metric: str
    kind: Kind
    bound: float

    @property
    def name(self) -> str:
        """The key of this condition in a verdict, ``iou.drop``."""
        return f"{self.metric}.{self.kind}"

    @property
    def relative(self) -> bool:
        """Whether the bound is a difference to FP32."""
        return self.kind in ("drop", "rise")

    def margin(self, reference: float, candidate: float) -> float:
        """How far ``candidate`` is on the good side: ≥ 0 holds, in units of the bound (of 1 where it is 0).

        For ``drop`` and ``rise``, 1 is as good as FP32 and 0 uses the whole allowance. A NaN on either side
        that counts gives -inf.
        """
        gap = self._gap(reference, candidate)
        return -math.inf if math.isnan(gap) else gap / (abs(self.bound) or 1.0)

    def at(self, margin: float) -> float:
        """The value with this ``margin``; of ``drop`` and ``rise`` the difference to FP32."""
        gap = margin * (abs(self.bound) or 1.0)
        return self.bound + gap if self.kind == "min" else self.bound - gap

    def _gap(self, reference: float, candidate: float) -> float:
        if self.kind == "min":
            return _difference(candidate, self.bound)
        if self.kind == "max":
            return _difference(self.bound, candidate)
        fall = _difference(reference, candidate) if self.kind == "drop" else _difference(candidate, reference)
        return _snap(self.bound - fall, max(abs(self.bound), abs(candidate)))


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate is accepted, and by what margin on each condition (≥ 0 holds)."""

    accepted: bool
    margins: Mapping[str, float]

    @property
    def margin(self) -> float:
        """The smallest margin: what a search steers by."""
        return min(self.margins.values())

    @property
    def failed(self) -> tuple[str, ...]:
        """The conditions that do not hold, worst first."""
        return tuple(sorted((c for c, m in self.margins.items() if m < 0), key=lambda c: self.margins[c]))


@dataclass(frozen=True)
class Accept:
    """The conditions that a candidate must meet, all of them."""

    conditions: tuple[Condition, ...]

    @classmethod
    def parse(cls, document: Mapping[str, object], known: Collection[str] | None = tuple(METRICS)) -> Accept:
        """The conditions of an ``accept`` map, ``{metric: {kind: bound}}``.

        ``known`` are the metrics that can be measured: the built-in ones by default, ``None`` when the user's
        own function decides their names.

        Raises:
            ConfigError: all that is wrong with the map, a line each.
        """
        problems: list[str] = []
        conditions: list[Condition] = []
        if not document:
            problems.append("accept is empty: expected at least one condition, as in {sqnr: {min: 30}}")
        for metric, bounds in document.items():
            if known is not None and metric not in known:
                problems.append(_unknown("metric", metric, known))
            elif not isinstance(bounds, Mapping) or not bounds:
                problems.append(f"accept.{metric} is {bounds!r}: expected a map such as {{drop: 0.01}}")
            else:
                for kind, bound in bounds.items():
                    problem = _problem(metric, kind, bound)
                    problems.extend([problem] if problem else [])
                    conditions.extend([] if problem else [Condition(metric, kind, float(bound))])
        if problems:
            raise ConfigError("\n".join(problems))
        return cls(tuple(conditions))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics to measure, each once."""
        return tuple(dict.fromkeys(condition.metric for condition in self.conditions))

    def document(self) -> dict[str, dict[Kind, float]]:
        """The ``accept`` map of these conditions."""
        found: dict[str, dict[Kind, float]] = {}
        for condition in self.conditions:
            found.setdefault(condition.metric, {})[condition.kind] = condition.bound
        return found

    def judge(self, reference: Mapping[str, float], candidate: Mapping[str, float]) -> Verdict:
        """Hold the candidate's metrics against the conditions and the reference's metrics.

        Raises:
            MetricError: a metric was not measured, or a fall below an infinite value is asked for.
        """
        margins = {
            c.name: c.margin(_measured(reference, c.metric, relative=c.relative), _measured(candidate, c.metric))
            for c in self.conditions
        }
        return Verdict(all(margin >= 0 for margin in margins.values()), margins)


def _difference(a: float, b: float) -> float:
    """``a - b`` without the NaN of equal infinities, and with decimal noise taken as zero."""
    return 0.0 if a == b else _snap(a - b, max(abs(a), abs(b)))


def _snap(value: float, scale: float) -> float:
    return 0.0 if math.isfinite(scale) and abs(value) <= _DECIMAL_SLACK * scale else value


def _measured(metrics: Mapping[str, float], name: str, relative: bool = False) -> float:
    if name not in metrics:
        raise MetricError(_unknown("metric", name, metrics))
    if relative and math.isinf(metrics[name]):
        raise MetricError(
            f"accept.{name}: FP32 itself has {name} = {metrics[name]}, so no drop or rise can be told; "
            "use 'min' or 'max', an absolute bound"
        )
    return metrics[name]


def _problem(metric: str, kind: object, bound: object) -> str | None:
    where = f"accept.{metric}.{kind}"
    if kind not in KINDS:
        return _unknown("condition", str(kind), KINDS)
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
        return f"{where} is {bound!r}: expected a finite number"
    if kind in ("drop", "rise") and bound < 0:
        return f"{where} is {bound}: expected 0 or more, the difference to FP32 that is allowed"
    return _misfit(metric, kind, where)


def _misfit(metric: str, kind: Kind, where: str) -> str | None:
    """Conditions that can be written but never mean what was meant."""
    if metric not in METRICS or kind not in ("drop", "rise"):
        return None
    direction, use = ("higher", "drop") if METRICS[metric].higher_is_better else ("lower", "rise")
    return None if kind == use else f"{where}: {metric} is better when it is {direction}; use '{use}'"


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    hint = did_you_mean(name, known, "; ")
    return f"unknown {what} {name!r} in accept: expected one of {', '.join(known) or 'none at all'}{hint}"

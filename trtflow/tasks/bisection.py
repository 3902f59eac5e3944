"""A search between two floating-point formats on any choice of the samples, by the emulator, an engine, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.diagnosis.saturation import Inside
from trtflow.emulation.emulate import Rounding
from trtflow.files.search import Metrics, Side
from trtflow.files.statistics import Statistics
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Precision
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.oracle import EmulatedOracle, EngineOracle, PlanOracle
from trtflow.runners.registry import EMULATED, Executor
from trtflow.search.ledger import Evaluation
from trtflow.search.problem import Problem
from trtflow.search.run import SearchResult, search
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.inside import harmful, look_inside
from trtflow.tasks.judge import Judge
from trtflow.tasks.searching import (
    SearchSettings,
    reporter,
)
from trtflow.trt.request import EngineSettings


@dataclass(frozen=True)
class BisectSettings(SearchSettings):
    """How to search between two floating-point formats.

    ``runner``: who decides. The emulator leads the search; what an engine is asked for it confirms or repairs.
    ``script``: the user's own for ``polygraphy-script``, file.py:function.
    ``baselines``: strategies to compare with, on the hardest samples. ``pareto``: more plans to measure. ``trt``: how
    engines are built.
    """

    high: Precision = FP32
    runner: str = EMULATED
    script: str | None = None
    baselines: tuple[str, ...] = ("bisect",)
    pareto: int = 0
    trt: EngineSettings = field(default_factory=EngineSettings)


LOOKS = 4  # searches, each with the infinities in high precision that the one before rests on


@dataclass
class Bisection:
    """A ``Searcher``; remembers the evaluator and the oracles of each choice of the samples."""

    model: ModelProto
    samples: Sequence[Sample]
    judge: Judge
    problem: Problem
    execute: Executor
    settings: BisectSettings
    hooks: Hooks
    on_plan: Callable[[PrecisionPlan], None]
    whole: Evaluator
    statistics: Statistics | None
    _evaluators: dict[tuple[int, ...], Evaluator] = field(default_factory=dict)
    _oracles: dict[tuple[object, ...], PlanOracle] = field(default_factory=dict)
    _insides: dict[tuple[object, ...], Inside] = field(default_factory=dict)
    _mended: dict[tuple[int, ...], frozenset[str]] = field(default_factory=dict)

    def over(self, chosen: Sequence[int]) -> SearchResult:
        """Search, and again with nodes in high precision while the plan rests on infinities that may do harm."""
        problem = self.problem
        for _ in range(LOOKS):
            result = self._search(problem, chosen)
            if not result.accepted or self.settings.saturation == "any":
                break
            found = harmful(self.model, self.inside(chosen, result.plan)) & problem.nodes - result.plan.nodes.keys()
            if not found:
                break
            self.hooks.log(f"infinities that are not shown to be harmless: {', '.join(sorted(found))} kept high")
            problem = replace(problem, forced=problem.forced | found)
            self._mended[tuple(chosen)] = problem.forced - self.problem.forced
        return result

    def mended(self, chosen: Sequence[int]) -> frozenset[str]:
        """What the search on the samples at ``chosen`` put into high precision because of infinities."""
        return self._mended.get(tuple(chosen), frozenset())

    def inside(self, chosen: Sequence[int], plan: PrecisionPlan) -> Inside:
        """Where ``plan`` is not finite on the samples at ``chosen`` and FP32 is."""
        key = (*chosen, plan.default, *sorted(plan.nodes.items()))
        if key not in self._insides:
            samples = [self.samples[index] for index in chosen]
            self._insides[key] = look_inside(
                self.model,
                plan,
                samples,
                rounding=self.settings.rounding,
                statistics=self.statistics,
                hooks=self.hooks,
            )
        return self._insides[key]

    def _search(self, problem: Problem, chosen: Sequence[int]) -> SearchResult:
        settings, report = self.settings, reporter(self.hooks)
        low = self.emulator(chosen).evaluate(PrecisionPlan(self.problem.low))
        self.hooks.log(f"everything in {self.problem.low}, taken literally: margin {low.margin:.3g}")

        def note(entry: Evaluation) -> None:
            report(entry)
            if entry.best:
                self.on_plan(entry.plan)

        return search(
            problem,
            self.emulator(chosen),
            strategy=settings.strategy,
            budget=settings.budget,
            on_evaluation=note,
            confirm=None if settings.runner == EMULATED else self.engine(chosen),
            pareto=settings.pareto,
        )

    def unseen(self, chosen: Sequence[int]) -> PlanOracle:
        return self.emulator(chosen) if self.settings.runner == EMULATED else self.engine(chosen)

    def evaluator(self, chosen: Sequence[int]) -> Evaluator:
        """What judges on the samples at ``chosen``."""
        key = tuple(chosen)
        if key not in self._evaluators:
            self._evaluators[key] = self.whole.over(key)
        return self._evaluators[key]

    def emulator(self, chosen: Sequence[int], rounding: Rounding | None = None) -> PlanOracle:
        """The emulator, with the rounding that decides unless another is asked for."""
        used = rounding or self.settings.rounding
        key = (*chosen, used)
        if key not in self._oracles:
            material = {**self._material(chosen), "rounding": used}
            evaluator = self.evaluator(chosen)
            self._oracles[key] = EmulatedOracle(
                self.model, evaluator, used, self.hooks.memo, material, self.settings.accumulation
            )
        return self._oracles[key]

    def engine(self, chosen: Sequence[int]) -> PlanOracle:
        """The engine that the settings name."""
        key = (*chosen, self.settings.runner)
        if key not in self._oracles:
            material = {**self._material(chosen), "runner": self.settings.runner, "trt": self.settings.trt.decisive}
            self._oracles[key] = EngineOracle(
                self.model, self.evaluator(chosen), self.execute, self.hooks.memo, material, self.execute.typing
            )
        return self._oracles[key]

    def figures(self, result: SearchResult, chosen: Sequence[int]) -> tuple[int, dict[Side, Metrics]]:
        """On how many samples, and the end metrics there of FP32, everything low, and the result.

        All samples, as ``validate`` measures them; but an engine would have to be built again for those held out.
        """
        said = result.confirmation
        judged = chosen if said else range(len(self.samples))
        oracle = self.emulator(judged)
        low = said.low if said else oracle.evaluate(PrecisionPlan(self.problem.low))
        candidate = result.outcome if said else oracle.evaluate(result.plan)
        reference = self.evaluator(judged).reference
        return len(judged), {"reference": reference.metrics, "low": low.metrics, "candidate": candidate.metrics}

    def _material(self, chosen: Sequence[int]) -> Mapping[str, Any]:
        return {"chosen": list(chosen), "metrics": sorted(self.whole.accept.metrics)}

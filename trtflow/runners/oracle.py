"""The search's oracles: a plan goes in, its end metrics and the verdict come out, emulated or on an engine."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from onnx import ModelProto

from trtflow.errors import BuildError, ModelError
from trtflow.files.strict_json import json_numbers
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, LOW, Accumulation, Precision
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import EmulatedRunner, Rounding
from trtflow.runners.evaluate import Evaluator, Measurement
from trtflow.runners.memo import Memo, Memory
from trtflow.runners.registry import Execute, unheeded
from trtflow.runners.switched import SwitchedRunner
from trtflow.search.oracle import FAILED, Outcome
from trtflow.trt.capabilities import Typing

HARDEST = 2  # samples that a probe looks at


class PlanOracle(ABC):
    """Measures plans on the samples of ``evaluator``; each plan once, and with a ``memo`` that lasts once ever.

    ``material`` names everything beside the plan that decides the outcome; only a ``memo`` that is shared needs it.
    A probe looks at the samples that
    the first refused plan treated worst.
    """

    def __init__(
        self, evaluator: Evaluator, memo: Memo | None = None, material: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self._evaluator, self._memo, self._material = evaluator, memo or Memory(), material
        self._hardest: tuple[int, ...] | None = None

    @abstractmethod
    def runner(self, plan: PrecisionPlan) -> Runner:
        """What executes ``plan``.

        Raises:
            ModelError: ONNX Runtime refuses what the plan makes of the model. Such a plan has failed, and is not bad.
            BuildError: likewise, an engine.
            BackendError: the engine cannot be asked at all, which ends the search.
        """

    def prober(self, plan: PrecisionPlan) -> Runner:
        """What executes ``plan`` on few samples."""
        return self.runner(plan)

    def evaluate(self, plan: PrecisionPlan) -> Outcome:
        """Measure ``plan`` on all samples."""
        return self._measure(plan, None)

    def probe(self, plan: PrecisionPlan) -> Outcome:
        """Measure ``plan`` on the hardest samples."""
        whole = self._hardest is not None and len(self._hardest) == len(self._evaluator.samples)
        return self._measure(plan, None if whole else self._hardest)

    def _measure(self, plan: PrecisionPlan, indices: Sequence[int] | None) -> Outcome:
        started = time.perf_counter()
        material = {**self._material, "plan": plan.document(), "samples": indices and list(indices)}
        stored = self._memo.get(material)
        if stored is None:
            try:
                runner = self.runner(plan) if indices is None else self.prober(plan)
                measured = self._evaluator.measure(runner, indices)
            except (ModelError, BuildError) as error:
                how = error.outcome if isinstance(error, BuildError) else "refusal"
                return replace(FAILED, why=str(error), failure=how, seconds=time.perf_counter() - started)
            ignored = unheeded(runner)
            record = {"metrics": measured.metrics, "sample-sqnr": measured.sample_sqnr, "unheeded": [*ignored]}
            self._memo.put(material, json_numbers(record))
        else:
            ignored = tuple(map(str, stored.get("unheeded", ())))
            measured = Measurement(
                {name: float(value) for name, value in stored["metrics"].items()},
                tuple(float(value) for value in stored["sample-sqnr"]),
            )
        outcome = self._outcome(measured, indices, stored is not None, time.perf_counter() - started)
        return replace(outcome, unheeded=ignored)

    def _outcome(self, measured: Measurement, indices: Sequence[int] | None, reused: bool, seconds: float) -> Outcome:
        verdict = self._evaluator.judge(measured, indices)
        if indices is None and not verdict.accepted and self._hardest is None:
            self._hardest = self._telling(tuple(sorted(measured.hardest(HARDEST))))
        count = len(self._evaluator.samples)
        return Outcome(
            accepted=verdict.accepted,
            margin=verdict.margin,
            error=measured.error,
            metrics=measured.metrics,
            reused=reused,
            seconds=seconds,
            passes=1.0 if indices is None else len(indices) / count,
        )

    def _telling(self, hardest: tuple[int, ...]) -> tuple[int, ...]:
        """``hardest``, or all samples where so few say nothing: a correlation over two samples, say."""
        alone = self._evaluator.subset(hardest).metrics
        if any(math.isnan(value) for value in alone.values()):
            return tuple(range(len(self._evaluator.samples)))
        return hardest


class EmulatedOracle(PlanOracle):
    """Measures plans by emulation."""

    def __init__(
        self,
        model: ModelProto,
        evaluator: Evaluator,
        rounding: Rounding = "tensor",
        memo: Memo | None = None,
        material: Mapping[str, Any] = MappingProxyType({}),
        accumulation: Accumulation = FP32,
    ) -> None:
        super().__init__(evaluator, memo, {**material, "accumulation": accumulation})
        self._model, self._rounding, self._accumulation = model, rounding, accumulation
        self._switched: dict[Precision, SwitchedRunner | None] = {}

    def runner(self, plan: PrecisionPlan) -> Runner:
        """A session of its own for ``plan``."""
        taps = self._evaluator.selection.before
        return EmulatedRunner(self._model, plan, self._rounding, taps, self._accumulation)

    def prober(self, plan: PrecisionPlan) -> Runner:
        """One session for all plans where that can be: a session of its own costs more than a run on few samples."""
        low = plan.default
        plain = self._rounding == "tensor" and self._accumulation == FP32
        if not plain or low not in LOW or not {*plan.nodes.values()} <= {FP32}:
            return self.runner(plan)
        if low not in self._switched:
            try:
                self._switched[low] = SwitchedRunner(self._model, low, self._evaluator.selection.before)
            except ModelError:  # candidates inside control flow
                self._switched[low] = None
        switched = self._switched[low]
        return self.runner(plan) if switched is None else switched.under(plan)


class EngineOracle(PlanOracle):
    """Measures plans on what ``execute`` makes of them: real kernels, real fusion.

    Strongly typed, that is the rewritten file; weakly typed, the model itself under the plan.
    """

    def __init__(
        self,
        model: ModelProto,
        evaluator: Evaluator,
        execute: Execute,
        memo: Memo | None = None,
        material: Mapping[str, Any] = MappingProxyType({}),
        typing: Typing = "strong",
    ) -> None:
        super().__init__(evaluator, memo, material)
        self._model, self._execute, self._typing = model, execute, typing

    def runner(self, plan: PrecisionPlan) -> Runner:
        """An engine of ``plan``."""
        if self._typing == "weak":
            return self._execute(self._model, plan)
        return self._execute(rewrite(self._model, plan).model)


class ProbingOracle:
    """``oracle`` on its hardest samples only."""

    def __init__(self, oracle: PlanOracle) -> None:
        self.evaluate = oracle.probe
        self.probe = oracle.probe

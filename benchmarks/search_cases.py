"""Search problems to measure strategies on: planted networks and real ones, each with an emulator as its oracle."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from planted import Planted

from trtflow.diagnosis.fp16 import diagnose
from trtflow.diagnosis.node_facts import node_facts
from trtflow.emulation.switchable import Switchable, switchable
from trtflow.files.findings import Finding
from trtflow.files.statistics import Statistics
from trtflow.model.layers import layers
from trtflow.model.load import load
from trtflow.model.ports import mark_outputs
from trtflow.model.session import create_session
from trtflow.numerics.record import Figures
from trtflow.plan import PrecisionPlan
from trtflow.search.oracle import Outcome
from trtflow.search.problem import Problem, Unit
from trtflow.tasks.search_problem import build_problem

HARDEST = 2
Feed = Mapping[str, Any]


class Emulator:
    """Measures plans in one session. The error is the energy of the outputs' error over that of the outputs."""

    def __init__(self, model: onnx.ModelProto, feeds: Sequence[Feed], tolerance: float) -> None:
        self._switched: Switchable = switchable(model, "fp16")
        self._session = create_session(self._switched.model)
        self._plain = create_session(model)
        self._feeds, self._bound = feeds, tolerance**2
        self._expected = [self._outputs(self._plain, feed) for feed in feeds]
        self._hardest: tuple[int, ...] | None = None
        self.plain_seconds = self._time_plain()

    def evaluate(self, plan: PrecisionPlan) -> Outcome:
        """All samples."""
        return self._measure(plan, tuple(range(len(self._feeds))))

    def probe(self, plan: PrecisionPlan) -> Outcome:
        """The hardest samples."""
        return self._measure(plan, self._hardest or tuple(range(len(self._feeds))))

    def _measure(self, plan: PrecisionPlan, indices: tuple[int, ...]) -> Outcome:
        start = time.perf_counter()
        switches = self._switches(plan)
        noise, signal = [], []
        for index in indices:
            outputs = self._outputs(self._session, {**self._feeds[index], **switches})
            noise.append(sum(energy(a - b) for a, b in zip(outputs, self._expected[index], strict=True)))
            signal.append(sum(energy(b) for b in self._expected[index]))
        error = sum(noise) / sum(signal)
        accepted = error <= self._bound
        if self._hardest is None and not accepted:
            order = sorted(indices, key=lambda i: -noise[i] / signal[i] if math.isfinite(noise[i]) else -math.inf)
            self._hardest = tuple(sorted(order[:HARDEST]))
        margin = 10 * math.log10(self._bound / max(error, 1e-30)) if math.isfinite(error) else -math.inf
        seconds = time.perf_counter() - start
        return Outcome(accepted, margin, error, seconds=seconds, passes=len(indices) / len(self._feeds))

    def _switches(self, plan: PrecisionPlan) -> dict[str, np.ndarray]:
        return self._switched.feed(plan)

    def _outputs(self, session: Any, feed: Feed) -> list[np.ndarray]:
        return [np.asarray(output, np.float64) for output in session.run(None, dict(feed))]

    def _time_plain(self) -> float:
        start = time.perf_counter()
        for feed in self._feeds:
            self._plain.run(None, dict(feed))
        return time.perf_counter() - start


class Engine(Emulator):
    """Stands for an engine that computes some nodes in parts: ``NAME:part`` has the precision of ``NAME``."""

    def _switches(self, plan: PrecisionPlan) -> dict[str, np.ndarray]:
        parts = {node: plan.precision(node.partition(":")[0]) for node in self._switched.switches}
        return self._switched.feed(PrecisionPlan(plan.default, parts))


def energy(values: np.ndarray) -> float:
    """The sum of squares, inf when anything is not finite."""
    with np.errstate(all="ignore"):
        total = float(np.sum(np.square(values)))
    return total if math.isfinite(total) else math.inf


@dataclass(frozen=True)
class Case:
    """A network, its samples and the search problem, with units as an engine fuses them and with single nodes."""

    title: str
    oracle: Emulator
    engine: Emulator
    problem: Problem
    nodes: Problem
    ranges: Mapping[str, float]
    needed: frozenset[str] | None


def make_case(planted: Planted) -> Case:
    """Everything that the strategies need, from a network and its samples."""
    found = layers(planted.model)
    figures = ranges_of(planted.model, [layer.tensor for layer in found], planted.feeds)
    statistics = Statistics(samples=len(planted.feeds), rounding="tensor", layers=found, candidates={"fp16": figures})
    shapes = {name: array.shape for name, array in planted.feeds[0].items()}
    problem = build_problem(planted.model, "fp16", "fp32", shapes, statistics)
    findings = diagnose(node_facts(planted.model), figures)
    problem = replace(problem, priors=suspicions(problem, findings))
    names = [node for unit in problem.units for node in unit.nodes]
    units = tuple(Unit(i, (n,), problem.price(n)) for i, n in enumerate(names))
    single = replace(problem, units=units, priors={}, forced=frozenset())  # no tool looks at constants beforehand
    ranges = {
        node.name: max([*(figures[t].ref_amax for t in (*node.inputs, *node.outputs) if t in figures), 0.0])
        for node in node_facts(planted.model)
    }
    oracle = Emulator(planted.model, planted.feeds, planted.tolerance)
    engine = oracle if planted.engine is None else Engine(planted.engine, planted.feeds, planted.tolerance)
    return Case(planted.title, oracle, engine, problem, single, ranges, planted.needed)


def ranges_of(model: onnx.ModelProto, names: Sequence[str], feeds: Sequence[Feed]) -> dict[str, Figures]:
    """What the compare step would say of the ranges of tensors, from one FP32 pass."""
    session = create_session(mark_outputs(model, names))
    found: dict[str, Figures] = {}
    for feed in feeds:
        for name, values in zip(names, session.run(names, dict(feed)), strict=True):
            finite = np.abs(values[np.isfinite(values)]).astype(np.float64)
            rms, flushed = float(np.sqrt(np.mean(finite**2))), float(np.mean((finite > 0) & (finite <= 2.0**-25)))
            old = found.get(name, Figures())
            found[name] = Figures(
                ref_amax=max(old.ref_amax, float(finite.max(initial=0.0))),
                ref_rms=max(old.ref_rms, rms),
                below_subnormal_share=max(old.below_subnormal_share, flushed),
                count=values.size,
            )
    return found


def suspicions(problem: Problem, findings: Sequence[Finding]) -> dict[str, float]:
    """The problem's own priors, and 1 for whatever a rule suspects and whoever shares a tensor with it."""
    suspects = {finding.node for finding in findings}
    for edge in problem.edges:
        touching = {edge.producer, *edge.consumers}
        if suspects & touching:
            suspects |= {f"\0{node}" for node in touching if node}
    named = {suspect.lstrip("\0") for suspect in suspects}
    return {node: max(problem.priors.get(node, 0.0), float(node in named)) for node in problem.nodes}


def real_models(folder: Path) -> Iterator[Planted]:
    """PP-OCRv4 detection on rendered shapes, MiniLM on random tokens: those that are in ``folder``."""
    dice = np.random.default_rng(0)
    if path := present(folder, "ppocr-det.onnx"):
        pages = [{"x": page(dice)} for _ in range(4)]
        yield Planted("PP-OCRv4 detection", load(path).model, pages, None, tolerance=3e-2)
    if path := present(folder, "minilm.onnx"):
        yield Planted("MiniLM", load(path).model, [tokens(dice) for _ in range(4)], None, tolerance=3e-2)


def present(folder: Path, name: str) -> Path | None:
    """The model's path, or None and a line that it is left out."""
    path = folder / name
    if path.is_file():
        return path
    print(f"left out: {name} is not in {folder}")
    return None


def page(dice: np.random.Generator) -> np.ndarray:
    """Dark rectangles on white paper, normalised as PP-OCR takes it: float32 [1, 3, 160, 160]."""
    image = np.ones((160, 160), np.float32)
    for top in range(10, 150, 28):
        for left in range(8, 140, 12):
            image[top : top + 14, left : left + int(dice.integers(3, 10))] = dice.uniform(0, 0.4)
    return np.broadcast_to(2 * image - 1, (1, 3, 160, 160)).copy()


def tokens(dice: np.random.Generator) -> dict[str, np.ndarray]:
    """Two texts of 32 random word pieces, the second half as long: int64 [2, 32] each."""
    ids = dice.integers(1000, 20000, (2, 32))
    mask = np.ones((2, 32), np.int64)
    mask[1, 16:] = 0
    return {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}

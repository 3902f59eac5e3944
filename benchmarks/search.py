"""What each search keeps and what it costs, on networks whose truth is known and on real ones.

    python benchmarks/search.py [CASE ...] [--models DIR] [--json FILE]

Every strategy asks the same oracle: the switchable emulator, accepting an output error (relative L2 over all
samples) within the case's tolerance. One case has an engine that disagrees; the baselines, which know no emulator,
ask that one throughout. A probe looks at the two hardest of the samples. ``passes`` is what was computed, in
passes over all samples, the one that ranges come from included; ``x plain`` is the time in units of a plain FP32
pass, which on these tiny networks is mostly the overhead of calls. The baselines move single nodes, as their tools
do. DIR may hold ``ppocr-det.onnx`` and ``minilm.onnx``; a model that is not there is left out, and said so.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from planted import CASES, Planted

from trtflow.graph.facts import layers, node_facts
from trtflow.graph.load import load
from trtflow.graph.switchable import Switchable, switchable
from trtflow.precision.diagnose import Finding, diagnose
from trtflow.precision.plan import PrecisionPlan
from trtflow.runners.onnxrt import create_session, mark_outputs
from trtflow.search.ledger import Evaluation
from trtflow.search.oracle import Outcome
from trtflow.search.problem import Problem, Unit
from trtflow.search.run import SearchResult, search
from trtflow.steps.problem import build_problem

HARDEST = 2
RANGE_RULE = 512.0  # AutoCast's default bound on activations
BASELINES = ("bisect", "bisect-reverse", "linear", "autocast-rule", "revert-one", "alone-low-binary", "ddmin")
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


@dataclass(frozen=True)
class Row:
    """One line of the table. ``exact``: the planted set was found; None where there is a choice."""

    case: str
    strategy: str
    evaluations: int
    passes: float
    plain_passes: float
    kept: int
    cost: float
    minimal: bool
    accepted: bool
    exact: bool | None
    builds: int = 0
    agrees: bool = True


def make_case(planted: Planted) -> Case:
    """Everything that the strategies need, from a network and its samples."""
    statistics = ranges_of(planted.model, planted.feeds)
    shapes = {name: array.shape for name, array in planted.feeds[0].items()}
    problem = build_problem(planted.model, "fp16", "fp32", shapes, {"candidates": {"fp16": statistics}})
    findings = diagnose(node_facts(planted.model), statistics)
    problem = replace(problem, priors=suspicions(problem, findings))
    names = [node for unit in problem.units for node in unit.nodes]
    units = tuple(Unit(i, (n,), problem.price(n)) for i, n in enumerate(names))
    single = replace(problem, units=units, priors={}, forced=frozenset())  # no tool looks at constants beforehand
    ranges = {
        node.name: max([*(statistics[t]["ref_amax"] for t in (*node.inputs, *node.outputs) if t in statistics), 0.0])
        for node in node_facts(planted.model)
    }
    oracle = Emulator(planted.model, planted.feeds, planted.tolerance)
    engine = oracle if planted.engine is None else Engine(planted.engine, planted.feeds, planted.tolerance)
    return Case(planted.title, oracle, engine, problem, single, ranges, planted.needed)


def ranges_of(model: onnx.ModelProto, feeds: Sequence[Feed]) -> dict[str, dict[str, float]]:
    """What the compare step would say of each float tensor, from one FP32 pass."""
    names = [layer.tensor for layer in layers(model)]
    session = create_session(mark_outputs(model, names))
    found: dict[str, dict[str, float]] = {}
    for feed in feeds:
        for name, values in zip(names, session.run(names, dict(feed)), strict=True):
            finite = np.abs(values[np.isfinite(values)]).astype(np.float64)
            rms, flushed = float(np.sqrt(np.mean(finite**2))), float(np.mean((finite > 0) & (finite <= 2.0**-25)))
            old = found.get(name, {})
            found[name] = {
                "ref_amax": max(old.get("ref_amax", 0.0), float(finite.max(initial=0.0))),
                "ref_rms": max(old.get("ref_rms", 0.0), rms),
                "below_subnormal_share": max(old.get("below_subnormal_share", 0.0), flushed),
                "count": float(values.size),
            }
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


def run(case: Case, strategy: str) -> SearchResult:
    """One strategy on one case."""
    if strategy == "trtflow":
        return search(case.problem, case.oracle, confirm=case.engine)
    if strategy == "autocast-rule":
        return autocast(case)
    return search(case.nodes, case.engine, strategy=strategy)


def autocast(case: Case) -> SearchResult:
    """AutoCast's rule: FP32 for whatever reads or writes a value beyond 512. No search; measured once."""
    kept = frozenset(node for node in case.nodes.nodes if case.ranges.get(node, 0.0) > RANGE_RULE)
    plan = case.nodes.plan(kept)
    outcome = case.engine.evaluate(plan)
    entry = Evaluation(0, "rule", len(kept), case.nodes.cost(kept), outcome, plan)
    return SearchResult(
        plan, outcome.accepted, False, (entry,), outcome, outcome, outcome, entry.cost, outcome.error, "by rule", 0
    )


def measure(case: Case, strategy: str) -> Row:
    """Run one strategy on one case."""
    start = time.perf_counter()
    result = run(case, strategy)
    seconds = time.perf_counter() - start
    kept = frozenset(result.plan.nodes)
    ranges = float(strategy in ("trtflow", "autocast-rule"))
    return Row(
        case=case.title,
        strategy=strategy,
        evaluations=sum(entry.kind != "build" for entry in result.evaluations),
        passes=result.passes + ranges,
        plain_passes=seconds / case.oracle.plain_seconds + ranges,
        kept=len(kept),
        cost=case.problem.cost(kept),
        minimal=result.accepted and is_one_minimal(case, kept),
        accepted=result.accepted,
        exact=None if case.needed is None else kept == case.needed,
        builds=result.builds,
        agrees=case.engine is case.oracle,
    )


def is_one_minimal(case: Case, kept: frozenset[str]) -> bool:
    """Asked of the oracle, node by node: no kept node can go low at no more cost."""
    for node in kept - case.problem.forced:
        less = kept - {node}
        cheaper = case.problem.cost(less) <= case.problem.cost(kept) + 1e-12
        if cheaper and case.engine.evaluate(case.problem.plan(less)).accepted:
            return False
    return True


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


COLUMNS = f"{'evals':>5} {'passes':>7} {'x plain':>7} {'kept':>4} {'cost':>8} 1-min exact builds"
HEAD = f"{'case':34} {'strategy':17} {COLUMNS}"


def table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    return "\n".join(line(row) for row in rows)


def line(row: Row) -> str:
    """One row as text."""
    exact = {None: "-", True: "yes", False: "no"}[row.exact]
    numbers = f"{row.evaluations:5} {row.passes:7.1f} {row.plain_passes:7.1f} {row.kept:4} {row.cost:8.2%}"
    verdict = f"{'yes' if row.minimal else 'no':5} {exact:5} {row.builds or '':>6}"
    return f"{row.case:34} {row.strategy:17} {numbers} {verdict}{'' if row.accepted else '  tolerance missed'}"


def failures(rows: Sequence[Row]) -> list[str]:
    """What does not hold of the claims: the exact set, 1-minimal, no baseline cheaper, one build beyond the ends."""
    found = []
    for own in (row for row in rows if row.strategy == "trtflow"):
        others = [row for row in rows if row.case == own.case and row.strategy != "trtflow" and row.accepted]
        cheapest = min((row.cost for row in others), default=math.inf)
        checks = {
            "is not accepted": own.accepted,
            "misses the planted set": own.exact is not False,
            "is not 1-minimal": own.minimal,
            f"keeps more than a baseline ({own.cost:.3%} > {cheapest:.3%})": own.cost <= cheapest + 1e-9,
            f"needs {own.builds} builds": own.builds <= 3 or not own.agrees,
        }
        found += [f"{own.case}: trtflow {text}" for text, holds in checks.items() if not holds]
    return found


def main() -> None:
    """Print the table; end with status 1 when a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all when none is named")
    parser.add_argument("--models", type=Path, default=Path(__file__).parents[1] / "models" / "fetched")
    parser.add_argument("--strategies", nargs="*", default=list(BASELINES))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[Row] = []
    print(HEAD)
    planted = [CASES[name]() for name in (options.cases or CASES) if name in CASES]
    real = [case for case in real_models(options.models) if not options.cases or case.title in options.cases]
    for each in (*planted, *real):
        case = make_case(each)
        rows += [measure(case, strategy) for strategy in ("trtflow", *options.strategies)]
        print(table([row for row in rows if row.case == case.title]), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    if broken := failures(rows):
        raise SystemExit("\n".join(broken))


if __name__ == "__main__":
    main()

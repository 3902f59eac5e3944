"""A searcher without a model: plans have known costs, and each choice of samples refuses some of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from simulated_oracle import chain

from trtflow.plan import PrecisionPlan
from trtflow.search.oracle import Outcome
from trtflow.search.problem import Problem
from trtflow.search.run import SearchResult, search


@dataclass
class Picky:
    """Accepts a plan on samples when every node that one of them needs is high; ``needs``: sample → nodes."""

    needs: Mapping[int, Collection[str]]
    problem: Problem = field(default_factory=lambda: chain(4))
    searched: list[tuple[int, ...]] = field(default_factory=list)
    verified: list[tuple[int, ...]] = field(default_factory=list)

    def over(self, chosen: Sequence[int]) -> SearchResult:
        """Search on the samples at ``chosen``."""
        self.searched.append(tuple(chosen))
        return search(self.problem, _Judge(self.needs, chosen))

    def unseen(self, chosen: Sequence[int]) -> _Judge:
        """The same judge, on other samples."""
        self.verified.append(tuple(chosen))
        return _Judge(self.needs, chosen)


@dataclass
class _Judge:
    needs: Mapping[int, Collection[str]]
    chosen: Sequence[int]

    def evaluate(self, plan: PrecisionPlan) -> Outcome:
        """Count the nodes that are missing among the high ones."""
        needed = {node for index in self.chosen for node in self.needs.get(index, ())}
        missing = sum(plan.precision(node) == "fp16" for node in needed)
        return Outcome(missing == 0, -float(missing), float(missing))

    def probe(self, plan: PrecisionPlan) -> Outcome:
        """As ``evaluate``."""
        return self.evaluate(plan)

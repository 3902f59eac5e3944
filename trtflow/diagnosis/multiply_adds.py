"""Where the multiply-adds run, and why some stay out of eight bits: every node that has any is accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from trtflow.diagnosis.explain import explain
from trtflow.files.findings import Finding
from trtflow.files.search import Group, LeftOut
from trtflow.plan import PrecisionPlan
from trtflow.precision import PRECISIONS, Precision


@dataclass(frozen=True)
class Worker:
    """A node that multiplies and adds (a residual sum has no share). ``place``: what INT8 makes of it.

    ``open``: the search decided; ``output``: an output layer, not asked about; ``none``: no Q/DQ pair fits. Of a file
    that has pairs already, ``held``: the file decided; ``lacks`` says why the node is in floating point all the same.
    """

    node: str
    op: str
    share: float
    place: Literal["open", "output", "none", "held"]
    lacks: str = ""


def left_out(
    workers: Iterable[Worker], plan: PrecisionPlan, findings: Sequence[Finding], low: Precision
) -> tuple[LeftOut, ...]:
    """The ``workers`` that ``plan`` does not have in ``low``, the largest share first."""
    found = [_left(worker, plan, findings, low) for worker in workers if runs_in(worker, plan, low) != low]
    return tuple(sorted(found, key=lambda entry: -entry.share))


def _left(worker: Worker, plan: PrecisionPlan, findings: Sequence[Finding], low: Precision) -> LeftOut:
    why = explain(worker.node, findings, against=low)
    group: Group = "left out by the search"
    if worker.place == "held":
        group = "no pairs in the file"
        why = Finding("unpaired", worker.node, worker.lacks, {}, certain=True, against=low)
    elif worker.place == "output":
        text = "left alone by default: nothing follows that averages its error"
        group, why = "output layer", Finding("output-layer", worker.node, text, {}, certain=True, against=low)
    elif worker.place == "none":
        group = "not quantizable"
        if why.code != "R18":
            text = f"there is no place for a Q/DQ pair on this {worker.op}"
            why = Finding("unsuited", worker.node, text, {}, certain=True, against=low)
    return LeftOut(
        node=worker.node,
        op=worker.op,
        precision=plan.precision(worker.node),
        share=worker.share,
        group=group,
        why=why,
    )


def runs_in(worker: Worker, plan: PrecisionPlan, low: Precision) -> Precision:
    """What a node multiplies in: ``low`` where the plan or the file has it so."""
    return low if worker.place == "held" and not worker.lacks else plan.precision(worker.node)


def shares_by_precision(workers: Iterable[Worker], plan: PrecisionPlan, low: Precision) -> dict[Precision, float]:
    """The share of the multiply-adds that runs in each precision, the narrowest first."""
    found: dict[Precision, float] = dict.fromkeys(reversed(PRECISIONS), 0.0)
    for worker in workers:
        found[runs_in(worker, plan, low)] += worker.share
    return {precision: share for precision, share in found.items() if share}


def shares_by_group(left: Iterable[LeftOut]) -> dict[str, float]:
    """The share of the multiply-adds that each group of ``left`` holds."""
    found: dict[str, float] = {}
    for entry in left:
        found[entry.group] = found.get(entry.group, 0.0) + entry.share
    return found

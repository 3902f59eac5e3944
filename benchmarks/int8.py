"""INT8 accuracy, against the peers' quantizers: ``python benchmarks/int8.py [--models DIR] [task …]``.

Per task: FP32; ONNX Runtime's MinMax with per-tensor weights (naive), and its MinMax, Entropy and Percentile with
per-channel weights (QDQ, symmetric, whole model); ModelOpt's ONNX quantization where there is one (its two
calibrations, the rest in FP16, its default, or FP32); trtflow with everything in INT8 at the widest ranges (naive),
at its chosen ranges (tuned) and after cures; and the plan that its joint search keeps within the bound, with the
share of multiply-adds in INT8 and whether TensorRT builds it. A last table has one line a task.

All calibrate on the same samples and are measured on others by the task's metric, executed by ONNX Runtime on the
CPU; FP16 parts are emulated. The search judges its plans on the samples that are measured. Models and data come from
PyPI.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import onnx
from fetched import FetchError
from int8_modelopt import default, has_modelopt
from int8_ours import EVERYTHING, Ours
from int8_peers import peers
from int8_share import Shares
from int8_table import Table, summary
from int8_task import Task
from int8_tasks import TASKS

from trtflow.files.scales import Scales
from trtflow.model.load import load
from trtflow.plan import PrecisionPlan
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.reference import ReferenceRunner


def run(task: Task, cures: bool, modelopt: str | None) -> Table:
    """Print one task's table, with ``cures`` before the search."""
    model = load(task.model).model
    bench = Bench(model, task)
    bench.table.head()
    bench.table.add("FP32", bench.evaluator.reference)
    for label, quantize in peers(task, model, modelopt).items():
        attempt(bench, label, quantize)
    if modelopt is None:
        bench.table.note("modelopt", "not installed: pip install 'nvidia-modelopt[onnx]', here or for --modelopt")
    search(bench, Ours(task, model), cures)
    return bench.table


class Bench:
    """One task's table, and what measures its lines."""

    def __init__(self, model: onnx.ModelProto, task: Task) -> None:
        self.table, self.shares = Table(task), Shares(model, task.evaluation[0])
        self.evaluator = Evaluator(ReferenceRunner(model), task.evaluation, task.accept, task.metric)

    def add(self, label: str, ours: Ours, plan: PrecisionPlan, scales: Scales, started: float | None = None) -> bool:
        """trtflow's line for ``plan``; whether it is within the bound."""
        measured = self.evaluator.measure(ReferenceRunner(ours.emulate(plan, scales)))
        self.table.add(label, measured, self.shares.of_plan(plan), started)
        return self.evaluator.judge(measured).accepted


def attempt(bench: Bench, label: str, quantize: Callable[[], onnx.ModelProto]) -> None:
    """A peer's line of the table; whatever its quantizer dislikes is its result."""
    started = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr):  # their progress is no part of the table
            quantized = quantize()
        measured = bench.evaluator.measure(TypedRunner(quantized))
        bench.table.add(label, measured, bench.shares.of_model(quantized), started)
    except Exception as error:
        bench.table.note(label, f"failed: {type(error).__name__}: {error}")


def search(bench: Bench, ours: Ours, cures: bool) -> None:
    """trtflow's lines of the table."""
    table, started = bench.table, time.perf_counter()
    scales = ours.calibrate()
    bench.add("trtflow INT8, naive", ours, EVERYTHING, widest(scales))
    bench.add("trtflow INT8, tuned", ours, EVERYTHING, scales, started)
    if cures:
        started = time.perf_counter()
        scales, applied = ours.cure(scales)
        bench.add("trtflow INT8, cured", ours, EVERYTHING, scales, started)
        table.note("cures", applied)
    started = time.perf_counter()
    base = ours.float_plan()
    bench.add("trtflow FP16 + FP32", ours, base, scales, started)
    started = time.perf_counter()
    plan = ours.mixed(base, scales)
    table.within, table.share = bench.add("trtflow mixed", ours, plan, scales, started), bench.shares.of_plan(plan)
    table.note("nodes", bench.shares.counts(plan))
    with redirect_stdout(sys.stderr):
        table.built, engine = ours.build(plan, scales)
    table.note("engine", engine)


def widest(scales: Scales) -> Scales:
    """``scales`` with the largest magnitude that was seen for every tensor."""
    tensors = {name: entry.model_copy(update={"amax": entry.seen}) for name, entry in scales.tensors.items()}
    return scales.model_copy(update={"tensors": tensors})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tasks", nargs="*", default=list(TASKS), help=f"some of {', '.join(TASKS)}")
    parser.add_argument("--models", type=Path, default=Path(__file__).parents[1] / "models" / "fetched")
    parser.add_argument("--no-cure", action="store_true", help="search without cures (minutes less on large models)")
    parser.add_argument("--modelopt", metavar="PYTHON", help="an interpreter that has nvidia-modelopt[onnx]")
    options = parser.parse_args()
    if options.modelopt and not has_modelopt(options.modelopt):
        parser.error(f"{options.modelopt} cannot import modelopt; it needs: pip install 'nvidia-modelopt[onnx]'")
    modelopt, tables = options.modelopt or default(), []
    for name in options.tasks:
        try:
            task = TASKS[name](options.models)
        except FetchError as error:
            print(f"\n{name}: skipped, {error}")
            continue
        tables.append(run(task, not options.no_cure, modelopt))
    summary(tables)


if __name__ == "__main__":
    main()

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
from int8_files import FetchError
from int8_modelopt import default, has_modelopt
from int8_ours import Ours
from int8_peers import peers
from int8_table import Table, summary
from int8_task import Task
from int8_tasks import TASKS

from trtflow.model.load import load
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.quantized import Ranges
from trtflow.runners.reference import ReferenceRunner


def run(task: Task, cures: bool, modelopt: str | None) -> Table:
    """Print one task's table, with ``cures`` before the search."""
    model = load(task.model).model
    evaluator = Evaluator(ReferenceRunner(model), task.evaluation, task.accept, task.metric)
    table = Table(task)
    table.head()
    table.add("FP32", evaluator.reference)
    ours = Ours(task, model, evaluator)
    for label, quantize in peers(task, model, modelopt).items():
        attempt(table, label, quantize, ours)
    if modelopt is None:
        table.note("modelopt", "not installed: pip install 'nvidia-modelopt[onnx]', here or for --modelopt")
    search(table, ours, cures)
    return table


def attempt(table: Table, label: str, quantize: Callable[[], onnx.ModelProto], ours: Ours) -> None:
    """A peer's line of the table; whatever its quantizer dislikes is its result."""
    started = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr):  # their progress is no part of the table
            quantized = quantize()
        table.add(label, ours.evaluator.measure(TypedRunner(quantized)), ours.share_in(quantized), started)
    except Exception as error:
        table.note(label, f"failed: {type(error).__name__}: {error}")


def search(table: Table, ours: Ours, cures: bool) -> None:
    """trtflow's lines of the table."""
    started = time.perf_counter()
    found = ours.calibrate()
    ranges = Ranges({tensor: scale.amax for tensor, scale in found.tensors.items()})
    widest = Ranges({tensor: scale.seen or 0.0 for tensor, scale in found.tensors.items()})
    everything = ours.everything
    table.add("trtflow INT8, naive", ours.measure(everything, widest), ours.share(everything))
    table.add("trtflow INT8, tuned", ours.measure(everything, ranges), ours.share(everything), started)
    if cures:
        started = time.perf_counter()
        ranges, applied = ours.cure(found)
        table.add("trtflow INT8, cured", ours.measure(everything, ranges), ours.share(everything), started)
        table.note("cures", applied)
    started = time.perf_counter()
    base = ours.float_plan()
    table.add("trtflow FP16 + FP32", ours.measure(base, ranges), 0.0, started)
    started = time.perf_counter()
    plan = ours.mixed(base, ranges)
    mixed = ours.measure(plan, ranges)
    table.share, table.within = ours.share(plan), ours.evaluator.judge(mixed).accepted
    table.add("trtflow mixed", mixed, table.share, started)
    table.note("nodes", ours.counts(plan))
    with redirect_stdout(sys.stderr):
        table.built, engine = ours.build(plan, ranges)
    table.note("engine", engine)


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

"""The INT8 benchmark's tables: one a task, printed line by line as figures come, and one over all tasks."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from int8_peers import NAIVE
from int8_task import Task

from trtflow.runners.evaluate import Measurement

WIDTH, LABEL = 100, 26


@dataclass
class Table:
    """A task's values by label, and what became of the mixed plan."""

    task: Task
    values: dict[str, float] = field(default_factory=dict)
    share: float | None = None
    within: bool = False
    built: bool = False

    def head(self) -> None:
        ((kind, bound),) = self.task.accept[self.task.measure].items()
        print(f"\n{self.task.name}: {len(self.task.evaluation)} samples, {self.task.measure} may {kind} by {bound}")
        print(f"  {'':{LABEL}} {self.task.measure:>9} {'sqnr':>9} {'in INT8':>8} {'time':>7}", flush=True)

    def add(
        self, label: str, measured: Measurement, share: float | None = None, started: float | None = None
    ) -> None:
        value, sqnr = measured.metrics[self.task.measure], measured.metrics["sqnr"]
        self.values[label] = value
        part = "" if share is None else f"{share:.1%}"
        spent = "" if started is None else f"{time.perf_counter() - started:.0f} s"
        print(f"  {label:{LABEL}} {value:9.4f} {sqnr:6.1f} dB {part:>8} {spent:>7}", flush=True)

    def note(self, label: str, text: str) -> None:
        """A line of words, cut to the table's width."""
        print(f"  {label:{LABEL}} {' '.join(text.split())}"[:WIDTH], flush=True)

    def best(self, tool: str) -> float:
        """The best value among the lines of ``tool``; nan if it has none."""
        found = [value for label, value in self.values.items() if label.startswith(tool) and not math.isnan(value)]
        return (max if self.task.larger_is_better else min)(found, default=math.nan)


def summary(tables: list[Table]) -> None:
    """One line a task."""
    print(
        "\nSummary. naive: ONNX Runtime, MinMax, per-tensor weights. ORT, ModelOpt: the best of their lines.\n"
        "tuned: trtflow, all in INT8. mixed: trtflow's plan. in INT8: its share of the multiply-adds.\n\n"
        f"{'task':12} {'metric':8} {'FP32':>7} {'naive':>7} {'ORT':>7} {'ModelOpt':>8} {'tuned':>7} {'mixed':>7} "
        f"{'in INT8':>7} {'in bound':>8} {'builds':>6}"
    )
    for table in tables:
        columns = ("FP32", NAIVE, "onnxruntime", "modelopt", "trtflow INT8, tuned", "trtflow mixed")
        values = [_cell(table.best(column), 8 if column == "modelopt" else 7) for column in columns]
        share = "–" if table.share is None else f"{table.share:.1%}"
        flags = f"{_yes(table.within):>8} {_yes(table.built):>6}"
        print(f"{table.task.name:12} {table.task.measure:8} {' '.join(values)} {share:>7} {flags}")


def _cell(value: float, width: int) -> str:
    return f"{'–':>{width}}" if math.isnan(value) else f"{value:{width}.4f}"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"

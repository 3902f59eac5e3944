"""What a task of the INT8 benchmark is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from trtflow.data import Dataset, Sample

Array = NDArray[Any]
Outputs = Sequence[Mapping[str, Array]]
Metric = Callable[[Outputs, Sequence[object]], dict[str, float]]


@dataclass(frozen=True)
class Task:
    """A model file, calibration and evaluation samples, a metric and what it must keep."""

    name: str
    model: Path
    calibration: Dataset
    evaluation: list[Sample]
    metric: Metric | None
    accept: dict[str, dict[str, float]]

    @property
    def measure(self) -> str:
        """The metric's name."""
        (name,) = self.accept
        return name

    @property
    def larger_is_better(self) -> bool:
        return "drop" in self.accept[self.measure]


def dataset(samples: Iterable[Sample]) -> Dataset:
    """``samples`` as calibration reads them."""
    held = list(samples)
    return Dataset("made here", lambda: iter(held))

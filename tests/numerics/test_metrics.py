"""A metric is a row: what else there is to know of it must agree with what it does."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from trtflow.errors import MetricError
from trtflow.numerics.metrics import MATCHED, METRICS, start

EXACT = {"y": np.array([[0.1, 0.9, 0.4]], np.float32)}
WRONG = {"y": np.array([[0.9, 0.1, 0.4]], np.float32)}
LABELS = {"iou": np.array([[0, 1, 0]]), "top-1": np.array([1])}


def value(name: str, outputs: dict[str, np.ndarray], label: object) -> float:
    metric = start([name])[name]
    metric.update(outputs, EXACT, label)
    return metric.value()


LABELLED = ("iou", "top-1")


@pytest.mark.parametrize("name", sorted({*METRICS} - {MATCHED}))
def test_the_direction_of_a_metric_is_the_one_that_its_row_says(name: str) -> None:
    exact, wrong = (value(name, outputs, LABELS.get(name)) for outputs in (EXACT, WRONG))
    assert (exact > wrong) is METRICS[name].higher_is_better


@pytest.mark.parametrize("name", LABELLED)
def test_a_metric_that_needs_labels_says_so_without(name: str) -> None:
    with pytest.raises(MetricError, match=f"^{name} needs labels and the data has none"):
        value(name, EXACT, None)


@pytest.mark.parametrize("name", sorted({*METRICS} - {*LABELLED, MATCHED}))
def test_a_metric_that_needs_no_labels_does_without(name: str) -> None:
    assert not math.isnan(value(name, EXACT, None))


@pytest.mark.parametrize("name", METRICS)
def test_no_sample_is_an_error(name: str) -> None:
    with pytest.raises(MetricError):
        start([name])[name].value()


def test_each_start_is_afresh() -> None:
    first, second = start(["sqnr"])["sqnr"], start(["sqnr"])["sqnr"]
    first.update(WRONG, EXACT)
    second.update(EXACT, EXACT)
    assert second.value() == math.inf


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("top1", "expected one of iou, .*; did you mean 'top-1'"),
        ("latency", "expected one of iou, .*cosine, matched$"),
    ],
)
def test_an_unknown_metric_is_told_with_the_known_ones(name: str, message: str) -> None:
    with pytest.raises(MetricError, match=f"unknown metric '{name}': {message}"):
        start([name])


@pytest.mark.parametrize("module", ["trtflow.numerics.metrics", "trtflow.numerics.accept", "trtflow.steps.options"])
def test_names_and_conditions_are_known_without_numpy(module: str) -> None:
    code = f"import sys, {module}; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

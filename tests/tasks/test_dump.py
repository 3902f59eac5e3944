"""Layers are dumped strictly in the precision asked for, by name, by node, by pattern."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from planted import rows
from polygraphy.comparator import RunResults

from trtflow.errors import PlanError
from trtflow.plan import PrecisionPlan
from trtflow.tasks.dump import chosen_tensors, dump
from trtflow.tasks.hooks import Hooks


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["a"], ["a"]),
        (["up"], ["a"]),
        (["add", "up"], ["a", "y"]),
        (["*"], ["a", "b", "y"]),
        (["[ab]"], ["a", "b"]),
        (["?o*n", "b"], ["b"]),
        (["a", "a*", "up"], ["a", "y"]),
    ],
    ids=["a tensor", "a node", "in the order of the model", "all", "a class", "a wildcard", "each once"],
)
def test_patterns_choose_tensors_by_their_name_or_their_nodes(
    overflowing: onnx.ModelProto, patterns: list[str], expected: list[str]
) -> None:
    assert chosen_tensors(overflowing, patterns) == expected


@pytest.mark.parametrize("wrong", ["conv*", "UP", "x"], ids=["nothing", "in capitals", "an input"])
def test_a_pattern_that_fits_nothing_is_an_error(overflowing: onnx.ModelProto, wrong: str) -> None:
    with pytest.raises(PlanError, match=f"tensors: '{re.escape(wrong)}' fits no float tensor"):
        chosen_tensors(overflowing, ["*", wrong])


def load(folder: Path, sample: int) -> dict[str, np.ndarray]:
    names = json.loads((folder / "index.json").read_text())
    return {name: np.load(folder / str(sample) / f"{number}.npy") for number, name in names.items()}


def test_every_sample_has_a_folder_and_every_tensor_a_file(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    dump(overflowing, rows(1.2345678, 70, 3), ["a", "y"], PrecisionPlan("fp16"), tmp_path, samples=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "index.json"]
    first, second = load(tmp_path, 0), load(tmp_path, 1)
    assert list(first) == ["a", "y"]
    for array in first.values():
        np.testing.assert_array_equal(array, array.astype(np.float16).astype(np.float32))
    assert np.isinf(second["a"]).all()


def test_what_the_plan_keeps_high_is_dumped_exactly(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    plan = PrecisionPlan("fp16", {"up": "fp32"})
    dump(overflowing, rows(1.2345678), ["a"], plan, tmp_path)
    np.testing.assert_allclose(load(tmp_path, 0)["a"], 1234.5678, rtol=1e-6)


def test_run_results_hold_the_same_arrays(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    dump(overflowing, rows(1, 2), ["b"], PrecisionPlan("fp16"), tmp_path / "t", samples=2, results=results)
    ((name, iterations),) = RunResults.load(str(results)).items()
    assert name == "emulated-fp16"
    assert [list(entry) for entry in iterations] == [["b"], ["b"]]
    for index, entry in enumerate(iterations):
        np.testing.assert_array_equal(entry["b"], load(tmp_path / "t", index)["b"])


def test_progress_counts_the_samples(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    told: list[tuple[int, int | None, str]] = []
    hooks = Hooks(lambda *entry: told.append(entry))
    dump(overflowing, rows(1, 2), ["b"], PrecisionPlan("fp16"), tmp_path, samples=2, hooks=hooks)
    assert told == [(0, 2, "sample 0"), (1, 2, "sample 1")]

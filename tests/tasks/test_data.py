"""Samples are opened as the model takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node

from trtflow.errors import DataError
from trtflow.tasks.data import open_data


@pytest.fixture
def net() -> onnx.ModelProto:
    """Takes ``x`` and ``z``; ``w`` is a weight that the file lists among the inputs."""
    nodes = [node("Add", "x z", "a"), node("Mul", "a w", "y")]
    return model(
        nodes, [info("x", ["N", 2]), info("z", ["N", 2]), info("w", [2])], [info("y", None)], [f32("w", [1, 2])]
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Five samples with labels."""
    x = np.arange(10, dtype=np.float64).reshape(5, 2)
    np.savez(tmp_path / "five.npz", x=x, z=-x, marks=np.arange(5))
    return tmp_path / "five.npz"


def test_only_what_the_model_must_be_fed_is_read_in_its_own_type(net: onnx.ModelProto, source: Path) -> None:
    first = next(iter(open_data(source, net)))
    assert {name: (array.dtype.name, array.tolist()) for name, array in first.feed.items()} == {
        "x": ("float32", [[0, 1]]),
        "z": ("float32", [[0, -1]]),
    }
    assert first.label is None


@pytest.mark.parametrize(("limit", "labels"), [(None, [0, 1, 2, 3, 4]), (2, [0, 1]), (9, [0, 1, 2, 3, 4])])
def test_labels_come_with_their_samples_and_a_limit_keeps_the_first(
    net: onnx.ModelProto, source: Path, limit: int | None, labels: list[int]
) -> None:
    assert [int(np.asarray(sample.label)[0]) for sample in open_data(source, net, "marks", limit)] == labels


def test_data_can_be_read_as_often_as_needed(net: onnx.ModelProto, source: Path) -> None:
    data = open_data(str(source), net)
    assert data.source == str(source)
    assert [len(list(data)) for _ in range(2)] == [5, 5]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": np.ones((5, 2))}, "there is no array 'z'; it holds: x"),
        ({"x": np.ones((5, 3)), "z": np.ones((5, 2))}, r"'x' has shape \(1, 3\); the model takes \('any', 2\)"),
        ({"x": np.ones((5, 2)), "z": np.ones((4, 2))}, "count different numbers of samples"),
        ({"x": np.ones((0, 2)), "z": np.ones((0, 2))}, "there is no sample in it"),
    ],
)
def test_data_of_another_model_are_an_error(
    net: onnx.ModelProto, tmp_path: Path, given: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "other.npz", **given)
    with pytest.raises(DataError, match=message):
        list(open_data(tmp_path / "other.npz", net))


def test_data_that_are_not_there_are_an_error_before_anything_is_read(net: onnx.ModelProto, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"it does not exist; expected an \.npz file"):
        open_data(tmp_path / "none.npz", net)

"""Samples come as the network takes them, from every kind of source, or with an error that says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trtflow.data import Port, load_dataset
from trtflow.errors import DataError

IMAGE = (Port("image", np.dtype(np.float32), (None, 1, 4, 4)),)


def npz(path: Path, **arrays: np.ndarray) -> str:
    np.savez(path, **arrays)
    return str(path)


def test_an_npz_yields_one_sample_a_row_with_its_label_and_casts_integers(tmp_path: Path) -> None:
    images = np.arange(3 * 16, dtype=np.uint16).reshape(3, 1, 4, 4)
    source = npz(tmp_path / "d.npz", image=images, masks=np.array([7, 8, 9]))
    samples = list(load_dataset(source, IMAGE, labels="masks"))
    assert [sample.label for sample in samples] == [7, 8, 9]
    assert samples[1].feed["image"].dtype == np.float32
    np.testing.assert_array_equal(samples[1].feed["image"], images[1:2])


def test_a_fixed_batch_takes_that_many_rows_a_sample(tmp_path: Path) -> None:
    source = npz(tmp_path / "d.npz", x=np.zeros((6, 2), np.float32))
    samples = list(load_dataset(source, [Port("x", np.dtype(np.float32), (3, 2))]))
    assert [sample.feed["x"].shape for sample in samples] == [(3, 2), (3, 2)]


def test_a_dataset_can_be_read_twice_and_limited(tmp_path: Path) -> None:
    source = npz(tmp_path / "d.npz", image=np.zeros((5, 1, 4, 4), np.float32))
    data = load_dataset(source, IMAGE, limit=2)
    assert [len(list(data)), len(list(data))] == [2, 2]


def test_a_folder_of_npy_files_is_read_in_order_and_given_its_batch_axis(tmp_path: Path) -> None:
    for index in (2, 0, 1):
        np.save(tmp_path / f"{index}.npy", np.full((1, 4, 4), index, np.float32))
    samples = list(load_dataset(str(tmp_path), IMAGE))
    assert [sample.feed["image"].shape for sample in samples] == [(1, 1, 4, 4)] * 3
    assert [sample.feed["image"].max() for sample in samples] == [0, 1, 2]


def test_a_function_yields_feeds_with_or_without_labels(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\n"
        "def samples():\n"
        "    yield {'image': np.zeros((1, 1, 4, 4), np.float32)}, 'first'\n"
        "    yield {'image': np.ones((1, 1, 4, 4), np.float32)}\n"
    )
    assert [sample.label for sample in load_dataset(f"{file}:samples", IMAGE)] == ["first", None]


@pytest.mark.parametrize(
    ("arrays", "labels", "message"),
    [
        ({"picture": np.zeros((1, 1, 4, 4))}, None, "there is no array 'image'; it holds: picture"),
        (
            {"image": np.zeros((1, 1, 4, 5))},
            None,
            r"'image' has shape \(1, 1, 4, 5\); the model takes \('any', 1, 4, 4",
        ),
        ({"image": np.zeros((2, 1, 4, 4)), "masks": np.zeros(3)}, "masks", "different numbers of samples"),
        ({"image": np.zeros((0, 1, 4, 4))}, None, "there is no sample in it"),
        ({"image": np.zeros((1, 1, 4, 4), np.complex64)}, None, "holds complex64; the model takes float32"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], labels: str | None, message: str
) -> None:
    source = npz(tmp_path / "d.npz", **arrays)
    with pytest.raises(DataError, match=message):
        list(load_dataset(source, IMAGE, labels=labels))


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.npz", "it does not exist"), ("notes.txt", "it is a .txt"), (".", "no .npz or .npy file")],
)
def test_an_unknown_source_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match=message):
        load_dataset(str(tmp_path / name), IMAGE)


def test_a_function_that_raises_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def samples():\n    raise RuntimeError('no disk')\n    yield\n")
    with pytest.raises(DataError, match="raised RuntimeError: no disk"):
        list(load_dataset(f"{file}:samples", IMAGE))


YIELDING = {
    "nothing to iterate": ("return None", r"\(.*mine\.py:1\) returned NoneType; expected feeds"),
    "an array": ("yield [1, 2]", r"yielded list; expected feeds"),
    "three things": ("yield {}, 1, 2", r"yielded a tuple of 3; expected feeds"),
    "an array with a label": ("yield [1], 2", r"yielded \(list, int\); expected feeds"),
    "an end by StopIteration": ("raise StopIteration\n    yield", r"raised RuntimeError(.|\n)*mine\.py:2 in samples"),
    "an exit": ("exit()\n    yield", r"raised SystemExit(.|\n)*mine\.py:2 in samples"),
}


@pytest.mark.parametrize(("body", "message"), YIELDING.values(), ids=YIELDING)
def test_what_a_function_yields_is_no_feed(tmp_path: Path, body: str, message: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f"def samples():\n    {body}\n")
    with pytest.raises(DataError, match=message):
        list(load_dataset(f"{file}:samples", IMAGE))


def test_a_function_that_wants_arguments_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def samples(count):\n    yield {}\n")
    said = r"mine\.py:1\) cannot be called: missing .*'count'; expected a function without"
    with pytest.raises(DataError, match=said):
        list(load_dataset(f"{file}:samples", IMAGE))

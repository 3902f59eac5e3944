"""Samples: what a network is fed, and the labels that belong to it.

A dataset comes from an ``.npz`` file (arrays by input name, the first axis counts the samples), a folder of
``.npz`` or ``.npy`` files (one sample each), or a function of the user's. All of them are read lazily and can be
read again, so that a pass over the data needs the memory of one sample.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trtflow.data_values import Array as Array
from trtflow.data_values import check_elements, check_finite, convert, held
from trtflow.errors import DataError
from trtflow.user_code import blamed, called, folder_of, load_function, place

Feed = dict[str, Array]
FEEDS = "feeds (dict of input name to array), or (feed, label), one a sample"


@dataclass(frozen=True)
class Port:
    """One input or output of the network. ``shape`` holds None where a dimension is free.

    ``dtype`` is from ml_dtypes where numpy has none; samples hold such values as float32, which has all of them.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Sample:
    """One feed as the network takes it, its label if there is one, and how errors call it: ``eval.npz, sample 3``."""

    feed: Feed
    label: object = None
    origin: str = ""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each input."""
        return {name: array.shape for name, array in self.feed.items()}


@dataclass(frozen=True)
class Dataset:
    """An iterable of samples that can be read more than once."""

    source: str
    read: Callable[[], Iterator[Sample]]

    def __iter__(self) -> Iterator[Sample]:
        return self.read()

    def head(self, count: int) -> Dataset:
        """The first ``count`` samples."""
        return Dataset(self.source, lambda: itertools.islice(self.read(), count))


def load_dataset(
    source: str | Path,
    inputs: Sequence[Port],
    labels: str | None = None,
    limit: int | None = None,
    *,
    allow_nonfinite: bool = False,
) -> Dataset:
    """The samples of ``source``, checked against the network's ``inputs`` as they are read.

    ``labels`` names the array of labels in an npz. ``limit`` keeps the first samples only. ``allow_nonfinite``:
    samples may hold NaN and infinity.

    Raises:
        DataError: the source does not exist, is of an unknown kind, or does not fit the inputs; or a sample is one
            on which nothing can be judged.
    """
    source = str(source)
    raw = _reader(source, inputs, labels)

    def read() -> Iterator[Sample]:
        empty = True
        for index, sample in enumerate(itertools.islice(raw(), limit)):
            empty = False
            origin = f"{sample.origin or source}, sample {index}"
            yield Sample(_fit(sample.feed, inputs, origin, allow_nonfinite), sample.label, origin)
        if empty:
            raise DataError(f"{source}: there is no sample in it; expected at least one.")

    return Dataset(source, read)


def evenly(samples: Iterable[Sample], total: int, count: int) -> list[Sample]:
    """``count`` of the ``total`` samples, evenly spaced: the first ones may be of one kind."""
    wanted = {index * total // count for index in range(count)}
    return [sample for index, sample in enumerate(samples) if index in wanted]


def _reader(source: str, inputs: Sequence[Port], labels: str | None) -> Callable[[], Iterator[Sample]]:
    path = Path(source)
    if path.is_dir():
        return _folder_reader(path, inputs, labels)
    if path.suffix == ".npz" and path.is_file():
        return lambda: _read_npz(path, inputs, labels)
    if ".py:" in source:
        function = load_function(source)
        return lambda: _read_function(function, source)
    found = "it does not exist" if not path.exists() else f"it is a {path.suffix or 'file without a suffix'}"
    raise DataError(f"{source}: {found}; expected an .npz file, a folder of .npz or .npy files, or file.py:function.")


def _read_npz(path: Path, inputs: Sequence[Port], labels: str | None) -> Iterator[Sample]:
    with np.load(path, allow_pickle=False) as archive:
        arrays = {entry.name: _member(archive, entry.name, path) for entry in inputs}
        marks = None if labels is None else _member(archive, labels, path)
    batch = next((entry.shape[0] or 1 for entry in inputs if entry.shape), 1)
    lengths = {name: len(array) for name, array in arrays.items()}
    if marks is not None:
        lengths[str(labels)] = len(marks)
    if len(set(lengths.values())) > 1:
        raise DataError(f"{path}: the arrays count different numbers of samples: {lengths}.")
    count = next(iter(lengths.values()), 0) // batch
    for index in range(count):
        span = slice(index * batch, (index + 1) * batch)
        yield Sample({name: array[span] for name, array in arrays.items()}, None if marks is None else marks[span])


def _member(archive: Mapping[str, Array], name: str, path: Path) -> Array:
    if name not in archive:
        raise DataError(f"{path}: there is no array '{name}'; it holds: {', '.join(archive)}.")
    return _loaded(lambda: archive[name], f"{path}: '{name}'")


def _loaded(load: Callable[[], Array], where: str) -> Array:
    """What ``load`` reads; numpy refuses objects, and files of E5M2 that it wrote itself."""
    try:
        return load()
    except ValueError as error:
        raise DataError(
            f"{where} cannot be read: {error}; expected numbers or strings, values of float8_e5m2 as float32."
        ) from error


def _folder_reader(folder: Path, inputs: Sequence[Port], labels: str | None) -> Callable[[], Iterator[Sample]]:
    files = sorted(file for file in folder.iterdir() if file.suffix in (".npz", ".npy"))
    if not files:
        raise DataError(f"{folder}: there is no .npz or .npy file in it; expected one a sample.")
    if len(inputs) > 1 and any(file.suffix == ".npy" for file in files):
        raise DataError(f"{folder}: .npy files hold one array, but the model has {len(inputs)} inputs; use .npz.")

    def read() -> Iterator[Sample]:
        for file in files:
            if file.suffix == ".npy":
                array = _loaded(partial(np.load, file, allow_pickle=False), str(file))
                yield Sample({inputs[0].name: array}, origin=str(file))
            else:
                with np.load(file, allow_pickle=False) as archive:
                    feed = {entry.name: _member(archive, entry.name, file) for entry in inputs}
                    yield Sample(feed, None if labels is None else _member(archive, labels, file), str(file))

    return read


def _read_function(function: Callable[[], Iterable[object]], source: str) -> Iterator[Sample]:
    found = called(function, kind=DataError, who=source, expected="a function without arguments")
    with blamed(DataError, source, folder_of(function)):
        if not isinstance(found, Iterable):
            raise DataError(f"{source} ({place(function)}) returned {type(found).__name__}; expected {FEEDS}.")
        for item in found:
            feed, label = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
            if not isinstance(feed, Mapping):
                raise DataError(f"{source} ({place(function)}) yielded {_kind(item)}; expected {FEEDS}.")
            yield Sample(dict(feed), label)


def _kind(item: object) -> str:
    return f"a tuple of {len(item)}" if isinstance(item, tuple) and len(item) != 2 else _type(item)


def _type(item: object) -> str:
    return f"({', '.join(map(_type, item))})" if isinstance(item, tuple) else type(item).__name__


def _fit(feed: Feed, inputs: Sequence[Port], where: str, allow_nonfinite: bool) -> Feed:
    missing = [entry.name for entry in inputs if entry.name not in feed]
    extra = sorted(set(feed) - {entry.name for entry in inputs})
    if missing or extra:
        raise DataError(
            f"{where}: the feed names {sorted(feed)}, but the model's inputs are {[e.name for e in inputs]}."
        )
    fitted = {entry.name: _fit_array(np.asarray(feed[entry.name]), entry, where) for entry in inputs}
    check_elements(fitted, where)
    if not allow_nonfinite:
        for name, array in fitted.items():
            check_finite(array, f"{where}: '{name}'")
    return fitted


def _fit_array(array: Array, entry: Port, where: str) -> Array:
    if array.ndim == len(entry.shape) - 1 and entry.shape and entry.shape[0] in (None, 1):
        array = array[np.newaxis]
    if array.ndim != len(entry.shape) or any(
        want is not None and want != have for want, have in zip(entry.shape, array.shape, strict=True)
    ):
        wanted = tuple("any" if size is None else size for size in entry.shape)
        raise DataError(f"{where}: '{entry.name}' has shape {array.shape}; the model takes {wanted}.")
    return held(convert(array, entry.dtype, f"{where}: '{entry.name}'"))

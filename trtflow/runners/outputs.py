"""Outputs of many samples, read back one by one: the first ones from memory, what is too large from a file.

The file has no name, so that nothing is left of it however the process ends.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, overload

import numpy as np

from trtflow.data import Array
from trtflow.errors import DataError

LIMIT = 64_000_000
"""Bytes of outputs that stay in memory."""


@dataclass(frozen=True)
class _Place:
    """Where in the file an array lies, and what it is."""

    start: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


Entry = Mapping[str, Array | _Place]


@dataclass
class _Store:
    """Bytes behind one another, once ``room`` bytes in memory are taken."""

    room: int
    file: IO[bytes] | None = field(default=None, repr=False)

    def put(self, array: Array) -> Array | _Place:
        """``array``, or where it lies. Strings are objects of Python's, which stay."""
        if array.dtype.hasobject:
            return array
        self.room -= array.nbytes
        if self.room >= 0:
            return array
        try:
            if self.file is None:
                self.file = tempfile.TemporaryFile(prefix="trtflow-outputs-")  # noqa: SIM115 - closed below
                weakref.finalize(self, self.file.close)
            start = self.file.seek(0, 2)
            array.tofile(self.file)
            self.file.flush()
        except OSError as error:
            raise DataError(
                f"outputs of the samples, which do not stay in memory, cannot be written to {tempfile.gettempdir()}: "
                f"{error}. Expected room there for all outputs of three models; make some, set TMPDIR to another "
                "folder, or use fewer samples."
            ) from error
        return _Place(start, array.dtype, array.shape)

    def get(self, entry: Array | _Place) -> Array:
        """The array that ``put`` took."""
        if not isinstance(entry, _Place):
            return entry
        assert self.file is not None  # noqa: S101 - there since the first place was given
        self.file.seek(entry.start)
        count = int(np.prod(entry.shape, dtype=np.int64))
        return np.fromfile(self.file, entry.dtype, count).reshape(entry.shape)


class Kept(Sequence[Mapping[str, Array]]):
    """The ``outputs`` of one sample after the other: ``limit`` bytes of them in memory, the rest in a file.

    ``limit`` left out is ``LIMIT``. Parts share what the whole keeps.

    Raises:
        DataError: there is no room for the file.
    """

    def __init__(self, outputs: Iterable[Mapping[str, Array]] = (), limit: int | None = None) -> None:
        self._store = _Store(LIMIT if limit is None else limit)
        self._entries: list[Entry] = [
            {name: self._store.put(array) for name, array in output.items()} for output in outputs
        ]

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, place: int) -> dict[str, Array]: ...

    @overload
    def __getitem__(self, place: slice) -> Kept: ...

    def __getitem__(self, place: int | slice) -> dict[str, Array] | Kept:
        if isinstance(place, slice):
            return self._part(self._entries[place])
        return {name: self._store.get(entry) for name, entry in self._entries[place].items()}

    def at(self, places: Iterable[int]) -> Kept:
        """Those at ``places``, in this order."""
        return self._part([self._entries[place] for place in places])

    def without(self, names: Collection[str]) -> Kept:
        """All samples, without the outputs ``names``."""
        return self._named(lambda name: name not in names) if names else self

    def only(self, name: str) -> Sequence[Array]:
        """The output ``name`` of all samples, each read when it is asked for."""
        return _Column(name, self._named(name.__eq__))

    def _named(self, wanted: Callable[[str], bool]) -> Kept:
        return self._part([{name: entry[name] for name in entry if wanted(name)} for entry in self._entries])

    def _part(self, entries: list[Entry]) -> Kept:
        part = Kept()
        part._store, part._entries = self._store, entries
        return part


@dataclass(frozen=True)
class _Column(Sequence[Array]):
    """One output of all samples."""

    name: str
    outputs: Kept

    def __len__(self) -> int:
        return len(self.outputs)

    @overload
    def __getitem__(self, place: int) -> Array: ...

    @overload
    def __getitem__(self, place: slice) -> _Column: ...

    def __getitem__(self, place: int | slice) -> Array | _Column:
        if isinstance(place, slice):
            return _Column(self.name, self.outputs[place])
        return self.outputs[place][self.name]

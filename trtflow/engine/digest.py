"""sha256 of files and folders, computed once for each file that does not change."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from trtflow.model.external import external_files

REMEMBERED = 1 << 16  # bytes; smaller files are hashed faster than looked up
SETTLED = 2.0  # seconds; a younger file could change again without a new mtime
SCHEMA = "CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, size INT, mtime INT, inode INT, sha256 TEXT)"


def companions(path: Path) -> list[Path]:
    """The files below the folder of ``path`` that hold weights of this ONNX file; none for another kind of file."""
    found = (path.parent / location for location in external_files(path) if _is_below(location))
    return sorted(file for file in found if file.is_file())


def contents(folder: Path) -> list[Path]:
    """The files of a folder, without hidden ones and compiled Python."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not _ignored(path, folder))


class Digests:
    """Digests of files, with those of larger ones remembered by (path, size, mtime, inode) in ``database``."""

    def __init__(self, database: Path | None = None) -> None:
        self.database = database

    def __call__(self, path: Path) -> str:
        """The sha256 of a file's bytes; of a listing for a folder, or for an ONNX file that names others."""
        if path.is_dir():
            return _listing((file.relative_to(path).as_posix(), self.file(file)) for file in contents(path))
        named = external_files(path)
        if not named:
            return self.file(path)
        beside = ((location, path.parent / location) for location in named)
        digests = ((location, self.file(file) if file.is_file() else "missing") for location, file in beside)
        return _listing(iter([("", self.file(path)), *digests]))

    def file(self, path: Path) -> str:
        """The sha256 of the bytes of one file."""
        state = path.stat()
        if self.database is None or state.st_size < REMEMBERED:
            return _sha256(path)
        identity = (str(path), state.st_size, state.st_mtime_ns, state.st_ino)
        with self._open() as table:
            found = table.execute(
                "SELECT sha256 FROM digests WHERE path=? AND size=? AND mtime=? AND inode=?", identity
            ).fetchone()
        if found:
            return str(found[0])
        digest = _sha256(path)
        if time.time() - state.st_mtime > SETTLED:
            with self._open() as table:
                table.execute("INSERT OR REPLACE INTO digests VALUES (?,?,?,?,?)", (*identity, digest))
        return digest

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.database or ":memory:", timeout=60)) as table, table:
            table.execute(SCHEMA)
            yield table


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _listing(entries: Iterator[tuple[str, str]]) -> str:
    text = "".join(f"{digest}  {name}\n" for name, digest in entries)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _ignored(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)


def _is_below(location: str) -> bool:
    return not Path(location).is_absolute() and ".." not in Path(location).parts

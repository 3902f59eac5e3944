"""Single evaluations, stored one by one as a step makes them, so that a killed search loses none of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trtflow.engine.key import key_of
from trtflow.engine.store import read_json, write_json


class FileMemo:
    """Records by content in ``folder``, one file each.

    ``base`` (step type, version, environment) is part of every key. With ``fresh``, only what this object
    stored itself is found: for runs that must not rely on the cache.
    """

    def __init__(self, folder: Path, base: Mapping[str, Any], fresh: bool = False) -> None:
        self.folder, self.base, self.fresh = folder, base, fresh
        self.stored: set[Path] = set()

    def get(self, material: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record stored for ``material``, or None."""
        path = self._path(material)
        if self.fresh and path not in self.stored:
            return None
        document = read_json(path)
        return None if document is None else dict(document)

    def put(self, material: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """Store ``record`` for ``material``, on disk when this returns."""
        path = self._path(material)
        write_json(path, dict(record))
        self.stored.add(path)

    def _path(self, material: Mapping[str, Any]) -> Path:
        digest = key_of({**self.base, "memo": dict(material)})
        return self.folder / digest[:2] / f"{digest[2:]}.json"

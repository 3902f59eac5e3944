"""Where an oracle keeps what it measured: any store of records by content, or this object's memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol


class Memo(Protocol):
    """Records of single evaluations, by content; a stored one may outlive the process."""

    def get(self, material: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The record stored for ``material`` (JSON-ready), or None."""
        ...

    def put(self, material: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """Store ``record`` at once."""
        ...


class Memory:
    """A memo that ends with the process."""

    def __init__(self) -> None:
        self._records: dict[str, Mapping[str, Any]] = {}

    def get(self, material: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The record stored for ``material``, or None."""
        return self._records.get(json.dumps(material, sort_keys=True))

    def put(self, material: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """Keep ``record``."""
        self._records[json.dumps(material, sort_keys=True)] = record

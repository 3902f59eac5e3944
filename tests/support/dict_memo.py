"""A memo in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class DictMemo:
    """Keeps records as strict JSON, as the engine's store does."""

    def __init__(self) -> None:
        self.records: dict[str, str] = {}

    def get(self, material: Mapping[str, Any]) -> dict[str, Any] | None:
        found = self.records.get(json.dumps(material, sort_keys=True, allow_nan=False))
        return None if found is None else json.loads(found)

    def put(self, material: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        self.records[json.dumps(material, sort_keys=True, allow_nan=False)] = json.dumps(record, allow_nan=False)

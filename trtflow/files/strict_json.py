"""Numbers for strict JSON, which knows no infinity and no NaN."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def json_numbers(value: Any) -> Any:
    """``value`` with its maps and sequences copied and each non-finite float as a string.

    The strings are "Infinity", "-Infinity" and "NaN": ``float()`` and JavaScript's ``Number()`` read all three.
    """
    if isinstance(value, Mapping):
        return {key: json_numbers(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [json_numbers(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def write_json(document: Any, path: Path) -> None:
    """Write ``document`` to ``path`` as strict JSON."""
    path.write_text(json.dumps(json_numbers(document), indent=1, allow_nan=False), encoding="utf-8")

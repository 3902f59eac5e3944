"""Why a step would run: what differs between the material of its key now and last time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SHOWN = 40  # characters of a value


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Each difference in words: ``environment.onnxruntime 1.31 → 1.32``, ``with.model changed``."""
    return list(_differences(old, new, ""))


def reason(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> str:
    """Why a step with the material ``new`` is not in the store, in one line."""
    if old is None:
        return "never ran"
    found = differences(old, new)
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(found[:3]) + more if found else "its result is no longer in the store"


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        old, new = dict(enumerate(old)), dict(enumerate(new))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            place = f"{path}.{key}" if path else str(key)
            if key not in old:
                yield f"{place} is new"
            elif key not in new:
                yield f"{place} is gone"
            else:
                yield from _differences(old[key], new[key], place)
    elif old != new:
        yield f"{path} {_change(old, new)}"


def _change(old: Any, new: Any) -> str:
    before, after = _short(old), _short(new)
    return f"{before} → {after}" if before and after else "changed"


def _short(value: Any) -> str:
    """A value that says something to a reader; empty for digests and anything long."""
    text = "none" if value is None else str(value)
    return "" if len(text) > SHOWN or text.startswith("sha256:") else text

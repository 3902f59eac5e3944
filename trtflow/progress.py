"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int | None, str], None]
"""Called with what is done, of how much (None: not known), and a text."""


def silent(done: int, total: int | None, text: str) -> None:
    """Tells nobody."""

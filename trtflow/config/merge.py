"""One reuse mechanism: maps merge by key, everything else is replaced; and the command line's ``a.b=c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trtflow.located import Located, Location, Problem, raise_problems
from trtflow.yaml12 import parse


def merge(base: Located, patch: Located) -> Located:
    """``base`` with ``patch`` laid over it; each value keeps the position of the file it came from."""
    if not isinstance(base.value, dict) or not isinstance(patch.value, dict):
        return patch
    merged = dict(base.value)
    for key, child in patch.value.items():
        merged[key] = merge(merged[key], child) if key in merged else child
    return replace(base, value=merged)


def override(config: Located, arguments: Sequence[str], folder: Path) -> Located:
    """``config`` with each ``a.b=value`` of ``arguments`` laid over it.

    Values are YAML 1.2. A relative path in one is relative to ``folder``, the current folder of the shell.

    Raises:
        ConfigError: an argument without ``=``, with an empty key, or whose value is not YAML.
    """
    problems = [_malformed(number, text, folder) for number, text in enumerate(arguments, 1) if _bad(text)]
    raise_problems(problems)
    for number, text in enumerate(arguments, 1):
        config = merge(config, _override(number, text, folder))
    return config


def _bad(text: str) -> bool:
    key, equals, _ = text.partition("=")
    return not equals or not all(key.split("."))


def _at(number: int, text: str, folder: Path, column: int = 1, length: int = 1) -> Location:
    return Location(f"argument {number}", folder, 1, column, length, (text,))


def _malformed(number: int, text: str, folder: Path) -> Problem:
    at = _at(number, text, folder, length=len(text))
    return Problem(f"'{text}' is not an override", at, "write it as with.accept.iou.drop=0.01")


def _override(number: int, text: str, folder: Path) -> Located:
    path, _, value = text.partition("=")
    located = Located(None, _at(number, text, folder, len(path) + 2))
    if value.strip():
        # Blanks in place of the path keep the columns of the value true.
        located = parse(" " * (len(path) + 1) + value, f"argument {number}", folder, (text,))
    end = len(path)
    for key in reversed(path.split(".")):
        at = _at(number, text, folder, end - len(key) + 1, len(key))
        located = Located({key: replace(located, key=at)}, at)
        end -= len(key) + 1
    return located

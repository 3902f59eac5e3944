"""What is installed: versions by the name of a distribution or of what is imported, loading neither."""

from __future__ import annotations

import functools
import re
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path


@functools.cache
def installed(name: str) -> str | None:
    """The version of the distribution ``name``, or of one that brings the package ``name``; None without either.

    Wheels of one package go by several names: ``import onnxruntime`` may come from ``onnxruntime-gpu``. A package
    that no distribution brings (bindings copied beside a library) says its version itself.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        package = name.replace("-", "_")
        found = find_spec(package)
        bringing = packages_distributions().get(package) if found else None  # it reads every wheel
        return version(bringing[0]) if bringing else _written(found.origin if found else None)


def _written(source: str | None) -> str | None:
    """The ``__version__`` that a package's own source assigns."""
    text = Path(source).read_text(encoding="utf-8", errors="replace") if source and source.endswith(".py") else ""
    said = re.search(r"^__version__\s*=\s*[\"']([^\"']+)", text, re.MULTILINE)
    return said[1] if said else None


def release(name: str) -> tuple[int, int, int] | None:
    """The version of ``name`` as (major, minor, patch); None where it is not installed or not so numbered."""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", installed(name) or "")
    return (int(numbers[1]), int(numbers[2]), int(numbers[3])) if numbers else None


def tools(*names: str) -> dict[str, str]:
    """The version of each of ``names``, as files record what made them; ``unknown`` where it is not told."""
    return {name: installed(name) or "unknown" for name in names}

"""What is installed: versions by the name of a distribution or of what is imported, loading neither."""

from __future__ import annotations

import functools
import re
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec


@functools.cache
def installed(name: str) -> str | None:
    """The version of the distribution ``name``, or of one that brings the package ``name``; None without either.

    Wheels of one package go by several names: ``import onnxruntime`` may come from ``onnxruntime-gpu``.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        package = name.replace("-", "_")
        bringing = packages_distributions().get(package) if find_spec(package) else None  # it reads every wheel
        return version(bringing[0]) if bringing else None


def release(name: str) -> tuple[int, int, int] | None:
    """The version of ``name`` as (major, minor, patch); None where it is not installed or not so numbered."""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", installed(name) or "")
    return (int(numbers[1]), int(numbers[2]), int(numbers[3])) if numbers else None


def tools(*names: str) -> dict[str, str]:
    """The version of each of ``names``, as files record what made them; ``unknown`` where it is not told."""
    return {name: installed(name) or "unknown" for name in names}

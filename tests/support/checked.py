"""Inputs to check, and the answer of a check that asks one question."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.files.checks import Check
from trtflow.numerics.inputs import InputStatistics, describe, join

Array = NDArray[Any]


def pictures(seed: int, count: int = 6) -> list[Array]:
    """Smooth random pictures in 0-1 whose red, green and blue differ, as NCHW batches of one."""
    random = np.random.default_rng(seed)
    waves = random.normal(0, 0.1, (count, 3, 20, 20)).cumsum(-1).cumsum(-2) / 12
    return list(np.clip(waves + np.array([0.7, 0.5, 0.3]).reshape(1, 3, 1, 1), 0, 1).astype(np.float32)[:, None])


def seen(batches: Iterable[Array]) -> dict[str, InputStatistics]:
    """What ``batches`` are, as the input ``x``."""
    return {"x": reduce(join, map(describe, batches))}


def only(checks: Iterable[Check]) -> Check:
    """The one answer."""
    (check,) = checks
    return check

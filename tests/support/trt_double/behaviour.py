"""What a test tells the double to do, from ``TRTFLOW_DOUBLE_BEHAVIOUR``: JSON, or the path of a JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION_ENV, BEHAVIOUR_ENV = "TRTFLOW_DOUBLE", "TRTFLOW_DOUBLE_BEHAVIOUR"


@dataclass(frozen=True)
class Behaviour:
    """How an engine is built.

    ``refuse``: no engine, this is logged as the error. ``refuse_low``: no engine where one of these layers is below
    FP32. ``crash``: the process dies. ``hang``: seconds for which the build does nothing, or until the progress
    monitor cancels. ``unparsed``: nodes that the parser refuses. ``ignore``: layers whose constraints are not
    honoured. ``fuse``: groups of layers that become one; else a convolution takes the activation behind it.
    ``renamed``: tensor → what the engine calls it inside. ``broken``: fused engine layers that add 1 to what they
    make, which marking their tensors heals. ``steps``: how many steps a build has. ``inspector``: the version whose
    inspector's JSON is written, 11.0 wrote another than 11.4.
    """

    refuse: str = ""
    refuse_low: tuple[str, ...] = ()
    crash: bool = False
    hang: float = 0.0
    unparsed: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fuse: tuple[tuple[str, ...], ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    steps: int = 4
    inspector: str = ""


def behaviour() -> Behaviour:
    """That of the environment."""
    told = os.environ.get(BEHAVIOUR_ENV, "")
    if told and not told.lstrip().startswith("{"):
        told = Path(told).read_text(encoding="utf-8")
    return read(json.loads(told or "{}"))


def read(document: Mapping[str, Any]) -> Behaviour:
    """``document`` with tuples for lists."""
    return Behaviour(**{name: _tuples(value) for name, value in document.items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value

"""The step types there are: ours by a literal dict, others by the entry point group ``trtflow.steps``."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from trtflow.steps import STEPS
from trtflow.steps.contract import Options, StepModule, added_facts, optional_outputs, published_outputs

GROUP = "trtflow.steps"


@dataclass(frozen=True)
class StepType:
    """What the engine knows of a step module. ``added``: the facts that checked options add to ``environment``."""

    name: str
    module: str
    summary: str
    version: int
    environment: tuple[str, ...]
    added: Callable[[Any], tuple[str, ...]]
    outputs: Mapping[str, str]
    optional: tuple[str, ...]
    published: Mapping[str, str]
    options: type[Options]


def catalog(steps: Mapping[str, str] | None = None) -> dict[str, str]:
    """Name → module of every step type; ``steps`` replaces what is installed (for tests)."""
    if steps is not None:
        return dict(steps)
    from importlib.metadata import entry_points

    return {**{entry.name: entry.value for entry in entry_points(group=GROUP)}, **STEPS}


def find_type(name: str, steps: Mapping[str, str] | None = None) -> StepType | None:
    """The step type called ``name``, or None. Entry points are read only for a name that is not ours."""
    if steps is None and name in STEPS:
        return load_type(name, STEPS[name])
    module = catalog(steps).get(name)
    return load_type(name, module) if module else None


def load_type(name: str, path: str) -> StepType:
    """Import a step module, which is cheap by contract, and read its declarations."""
    step = cast(StepModule, importlib.import_module(path))
    return StepType(
        name=name,
        module=path,
        summary=(step.__doc__ or "").strip().partition("\n")[0],
        version=step.version,
        environment=tuple(step.environment),
        added=added_facts(step),
        outputs=dict(step.outputs),
        optional=optional_outputs(step),
        published=dict(published_outputs(step)),
        options=step.With,
    )

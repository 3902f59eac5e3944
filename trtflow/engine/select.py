"""Which steps a command is about: ``--only``, ``--until``, ``--from``."""

from __future__ import annotations

from dataclasses import dataclass

from trtflow.engine.plan import Plan
from trtflow.errors import ConfigError
from trtflow.text import suggestion


@dataclass(frozen=True)
class Selection:
    """``wanted`` steps run where the store lacks them; ``fresh`` ones run in any case.

    A step that is not wanted but comes before one that is must be in the store.
    """

    wanted: frozenset[str]
    fresh: frozenset[str] = frozenset()
    whole: bool = True


def select(plan: Plan, only: str | None = None, until: str | None = None, start: str | None = None) -> Selection:
    """The selection that the options ask for; all steps without any.

    Raises:
        ConfigError: a step that the plan lacks, or more than one of ``only`` and the others.
    """
    for name in (only, until, start):
        if name is not None and name not in plan.steps:
            raise ConfigError(f"no step '{name}' in {plan.config.name}: {suggestion(name, plan.steps)}")
    if only and (until or start):
        raise ConfigError("--only cannot go together with --until or --from: it names the one step to run.")
    if only:
        return Selection(frozenset([only]), whole=False)
    wanted = plan.ancestors(until) if until else set(plan.steps)
    fresh = plan.descendants(start) & wanted if start else set()
    return Selection(frozenset(wanted), frozenset(fresh), whole=until is None)


def all_fresh(plan: Plan) -> Selection:
    """Every step, none from the store."""
    return Selection(frozenset(plan.steps), frozenset(plan.steps))


def involved(plan: Plan, selection: Selection) -> list[str]:
    """The wanted steps and those before them, in the plan's order."""
    names: set[str] = set()
    for name in selection.wanted:
        names |= plan.ancestors(name)
    return [name for name in plan.steps if name in names]
